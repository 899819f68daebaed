import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.retrieval import thresholds


def on_circle(*degrees):
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    return torch.stack([angles.cos(), angles.sin()], 1)


def test_average_minimum_by_hand():
    embeddings, ids = on_circle(0, 60, 10, 200, 245, 90), np.array([1, 1, 1, 2, 2, 3])
    wanted = (np.cos(np.deg2rad(60)) + np.cos(np.deg2rad(45))) / 2  # person 3 has one image
    assert thresholds.average_minimum(embeddings, ids) == pytest.approx(wanted, abs=1e-6)
    for rule in set(thresholds.RULES) - {"fixed"}:
        with pytest.raises(ValueError, match="no validation person has two images"):
            thresholds.choose(rule, embeddings[:2], np.array([1, 2]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(4, 30), st.integers(1, 5))
def test_scores_as_counted_pair_by_pair(seed, images, factor):
    generator = torch.Generator().manual_seed(seed)
    embeddings = F.normalize(torch.randn(images, 3, generator=generator))
    ids = np.arange(images) // 2
    if images % 2:
        ids[-1] = ids[-2]
    scores = thresholds.precision_recall(embeddings, ids, gallery_size=factor * images, points=7)
    similarity = (embeddings @ embeddings.T).numpy()
    same = (ids[:, None] == ids) & ~np.eye(images, dtype=bool)
    other = ids[:, None] != ids
    for _, row in scores.iterrows():
        returned = similarity >= np.float32(row["threshold"])
        matches = same.sum() / images
        more = (factor * images - matches) / (images - 1 - matches) if images - 1 > matches else 1
        right, wrong = (returned & same).sum(), more * (returned & other).sum()
        near = (np.abs(similarity - row["threshold"]) < 5e-7).sum()  # may fall on either side in other additions
        assert abs(row["set_size"] * images - (right + wrong)) <= max(1, more) * near + 1e-6
        if not near:
            assert row["precision"] == pytest.approx(right / max(1, right + wrong))
            assert row["recall"] == pytest.approx(right / same.sum())
            assert row["f1"] == pytest.approx(2 * right / (right + wrong + same.sum()))


def test_more_images_lower_precision_not_recall():
    embeddings, ids = F.normalize(torch.randn(40, 4, generator=torch.Generator().manual_seed(0))), np.arange(40) // 4
    small, large = (thresholds.precision_recall(embeddings, ids, size) for size in (None, 400))
    assert (large["recall"] == small["recall"]).all()
    assert (large["precision"] <= small["precision"] + 1e-9).all() and large["precision"][0] < small["precision"][0]
    assert thresholds.best_f1(large) >= thresholds.best_f1(small)
    np.testing.assert_allclose(thresholds.precision_recall(embeddings, ids, 39), small)  # a query is not in its gallery


FRAME = pd.DataFrame(
    {"threshold": [0.1, 0.2, 0.3, 0.4, 0.5], "precision": [0.2, 0.9, 0.6, 0.8, 0.85], "f1": [0.3, 0.6, 0.7, 0.7, 0.2]}
)


def test_choices_from_a_frame():
    assert thresholds.best_f1(FRAME) == 0.3  # the first of two equal ones
    assert thresholds.for_precision(FRAME, 0.8) == 0.2 and thresholds.for_precision(FRAME, 0.5) == 0.2
    assert thresholds.for_precision(FRAME, 0.1) == 0.1
    with pytest.raises(ValueError, match=r"no threshold reaches a precision of 0.95 .*; the best is 0.900"):
        thresholds.for_precision(FRAME, 0.95)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        thresholds.for_precision(FRAME, 90)


def naive_list_map(embeddings, ids, threshold):
    """One query after the other: rank the others, cut the list, add up the precision at each match that is in it."""
    similarity = (embeddings @ embeddings.T).numpy()
    found = []
    for query, row in enumerate(similarity):
        order = [image for image in np.argsort(-row, kind="stable") if image != query]
        matches, total, ap = 0, sum(ids[image] == ids[query] for image in order), 0.0
        for place, image in enumerate(order, start=1):
            if ids[image] == ids[query]:
                matches += 1
                ap += matches / place * (row[image] >= threshold)
        if total:
            found.append(ap / total)
    return np.mean(found)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(4, 20), st.floats(-1, 1), st.floats(0.5, 1))
def test_map_of_cut_lists_against_one_after_the_other(seed, images, threshold, share):
    random = np.random.default_rng(seed)
    # few different directions make ties; the last image's person has no other
    embeddings = on_circle(*random.integers(0, 12, images) * 30)
    ids = np.append(random.integers(0, 3, images - 1), 9)
    ids[1] = ids[0]
    table = thresholds.rules_table({"any": float(np.float32(threshold)), "none": 1.5}, embeddings, ids)
    assert table["mAP"][0] == pytest.approx(naive_list_map(embeddings, ids, np.float32(threshold)))
    assert table["mAP"][1] == 0 and list(table["rule"]) == ["any", "none"]
    whole = naive_list_map(embeddings, ids, -2)
    scores = thresholds.list_map(embeddings, ids)
    assert scores["mAP"].iloc[-1] == pytest.approx(whole)
    level = thresholds.for_map(scores, share)
    assert naive_list_map(embeddings, ids, np.float32(level)) >= share * whole - 1e-9
    above = scores["threshold"][scores["threshold"] > level]
    if len(above):  # the next larger one keeps less
        assert naive_list_map(embeddings, ids, np.float32(above.min())) < share * whole + 1e-9


def test_rules():
    embeddings, ids = on_circle(0, 10, 20, 100, 112, 125), np.array([1, 1, 1, 2, 2, 2])
    assert thresholds.choose("fixed", embeddings, ids, fixed=0.42) == 0.42
    assert thresholds.choose("clusters", embeddings, ids) == thresholds.average_minimum(embeddings, ids)
    wanted = float(np.cos(np.deg2rad(25)))  # all pairs of the same person and no other
    assert thresholds.choose("f1", embeddings, ids) == pytest.approx(wanted, abs=1e-5)
    assert thresholds.choose("precision", embeddings, ids, precision=1.0) == pytest.approx(wanted, abs=1e-5)
    assert thresholds.choose("map", embeddings, ids, share=1.0) == pytest.approx(wanted, abs=1e-5)
    with pytest.raises(ValueError, match="a share of 99 is not between 0 and 1"):
        thresholds.choose("map", embeddings, ids, share=99)
    with pytest.raises(ValueError, match="fixed, clusters, f1, precision, map, not 'best'"):
        thresholds.choose("best", embeddings, ids)
