"""Scores of what a network says about images: attributes, re-identification, sets of images, calibration.

predictions.py       images -> embeddings and attribute probabilities
neighbours.py        attributes asked of an image's neighbours too
as_test.py           a validation as hard as the test: a search in a crowd
scoring.py           scores of a network on a validation split and on the test images
attribute_scores.py  accuracy, mean class accuracy, confusion
protocol.py          the rules of Market-1501 in plain lines: who counts, AP, CMC, mINP
reid_scores.py       the same scores at the speed of the similarity product
threshold_scores.py  precision, recall and F1 of the images above a threshold
list_scores.py       scores of the lists that are handed in
baselines.py         the most frequent class, chance, and untrained ImageNet features
worst.py             confident errors, and the queries whose matches come last
calibration.py       temperature scaling, reliability, expected calibration error
market_scale.py      made-up embeddings in the numbers of Market-1501

What makes the re-identification scores fast:

inputs.py            checks of ids, cameras, embeddings and distances
pairs.py             the images of the same person that count for a query, and those that leave
blocks.py            similarities of a block of queries to the whole gallery
ranks.py             the ranks of the true matches
counting.py          how many images stand before each match, on the CPU
flags.py             truth values counted eight at a time
threads.py           rows shared among threads
summary.py           CMC, mAP and mINP from those ranks
"""
