"""Recipes, one training assembled from data and recipe, and the loop that runs it."""
