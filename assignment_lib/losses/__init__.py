"""Losses of attributes and identities, and how several become one number."""
