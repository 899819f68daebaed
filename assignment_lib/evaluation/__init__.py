"""Evaluation of networks: attribute scores, re-identification scores, and the validation search.

checks.py            input checks that all public functions of evaluation and retrieval share
protocol.py          the rules of Market-1501 in readable form: excluded images, AP, CMC, mINP
reid_scores.py       the same scores for large galleries, for similarity thresholds, and for ranked lists
attribute_scores.py  accuracy, mean class accuracy, confusion, baselines, confident errors
predictions.py       images -> embeddings and attribute probabilities
validation.py        the validation search that matches the test, and scores of a network
"""
