"""Losses of attributes and identities, and how several become one number.

attribute.py  focal loss and weighted cross-entropy
identity.py   PID cross-entropy, triplets, centroids, centers, islands
multitask.py  several losses become one number
objective.py  the whole objective of a network
"""
