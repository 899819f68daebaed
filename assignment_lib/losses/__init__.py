"""Losses and their combination.

attribute.py  focal loss and weighted cross-entropy
identity.py   PID cross-entropy, triplet, centroid triplet, center and island loss
multitask.py  weightings of several losses
objective.py  the objective of a network
"""
