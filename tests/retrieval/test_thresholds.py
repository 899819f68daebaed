import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_searches import search

from assignment_lib.evaluation.as_test import AsTest
from assignment_lib.retrieval import decisions, thresholds
from assignment_lib.retrieval.curves import frame


def on_circle(*degrees):
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    return torch.stack([angles.cos(), angles.sin()], 1)


def among_themselves(embeddings, ids):
    places = np.arange(len(ids))
    return AsTest(embeddings, embeddings, ids, ids, places, places)


def cut(rule, of, **wanted):
    """The threshold that the rule is given on a search."""
    return decisions.fit_rule(rule, decisions.learn(of), decisions.Wanted(**wanted)).cut


def test_average_minimum_by_hand():
    embeddings, ids = on_circle(0, 60, 10, 200, 245, 90), np.array([1, 1, 1, 2, 2, 3])
    wanted = (np.cos(np.deg2rad(60)) + np.cos(np.deg2rad(45))) / 2  # person 3 has one image
    assert thresholds.average_minimum(embeddings, ids) == pytest.approx(wanted, abs=1e-6)
    with pytest.raises(ValueError, match="no validation person has two images"):
        thresholds.average_minimum(embeddings[:2], np.array([1, 2]))
    with pytest.raises(ValueError, match="no query has a true match"):
        decisions.learn(among_themselves(embeddings[:2], np.array([1, 2])))


FRAME = pd.DataFrame(
    {
        "threshold": [0.1, 0.2, 0.3, 0.4, 0.5], "precision": [0.2, 0.9, 0.6, 0.8, 0.85],
        "f1": [0.3, 0.6, 0.7, 0.7, 0.2], "mAP": [0.5, 0.5, 0.49, 0.4, 0.1],
    }
)  # fmt: skip


def test_choices_from_a_frame():
    assert thresholds.best_f1(FRAME) == 0.3  # the first of two equal ones
    assert thresholds.for_precision(FRAME, 0.8) == 0.2 and thresholds.for_precision(FRAME, 0.5) == 0.2
    assert thresholds.for_precision(FRAME, 0.1) == 0.1
    assert [thresholds.for_map(FRAME, share) for share in (1, 0.98, 0.9, 0.8)] == [0.2, 0.3, 0.3, 0.4]
    with pytest.raises(ValueError, match=r"no threshold reaches a precision of 0.95 .*; the best is 0.900"):
        thresholds.for_precision(FRAME, 0.95)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        thresholds.for_precision(FRAME, 90)


def naive_map(of, threshold):
    """One query after the other: rank the gallery, cut the list, add up the precision at each match that is in it."""
    similarity, found = (of.query @ of.gallery.T).numpy(), []
    for query, row in enumerate(similarity):
        order = [image for image in np.argsort(-row, kind="stable") if image != query]
        total, matches, ap = sum(of.gallery_ids[image] == of.query_ids[query] for image in order), 0, 0.0
        for place, image in enumerate(order, start=1):
            if of.gallery_ids[image] == of.query_ids[query]:
                matches += 1
                ap += matches / place * (row[image] >= threshold)
        if total:
            found.append(ap / total)
    return np.mean(found)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 5), st.integers(0, 12), st.floats(0.5, 1))
def test_lists_that_keep_a_share_of_the_map(seed, people, crowd, share):
    of = search(people, 3, crowd, noise=1.0, size=4, seed=seed)
    scores = frame(decisions.learn(of).sums["similarity"])
    whole = naive_map(of, -2)
    assert scores["mAP"].max() == pytest.approx(whole)
    level = thresholds.for_map(scores, share)
    assert naive_map(of, np.float32(level)) >= share * whole - 1e-9
    above = scores["threshold"][scores["threshold"] > level + 1e-5]
    if len(above):  # the next larger one keeps less
        assert naive_map(of, np.float32(above.min())) < share * whole + 1e-9


def test_rules():
    embeddings, ids = on_circle(0, 10, 20, 100, 112, 125), np.array([1, 1, 1, 2, 2, 2])
    of = among_themselves(embeddings, ids)
    assert cut("fixed", of, fixed=0.42) == 0.42
    assert cut("clusters", of) == thresholds.average_minimum(embeddings, ids)
    wanted = float(np.cos(np.deg2rad(25)))  # all pairs of the same person and no other
    assert cut("f1", of) == pytest.approx(wanted, abs=1e-5)
    assert cut("precision", of, precision=1.0) == pytest.approx(wanted, abs=1e-5)
    assert cut("map", of, share=1.0) == pytest.approx(wanted, abs=1e-5)
    with pytest.raises(ValueError, match="a share of 99 is not between 0 and 1"):
        cut("map", of, share=99)
    with pytest.raises(
        ValueError, match="fixed, clusters, f1, precision, map, z-norm, s-norm, mutual, probability, sure, not 'best'"
    ):
        cut("best", of)


def test_a_crowd_asks_for_a_stricter_threshold():
    alone, crowded = search(crowd=0), search(crowd=400)
    assert cut("f1", crowded) > cut("f1", alone)
    assert cut("precision", crowded) > cut("precision", alone)
