import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_searches import naive_pairs, small_search

from assignment_lib.evaluation.reid_scores import list_scores
from assignment_lib.evaluation.validation import Search
from assignment_lib.retrieval import decisions
from assignment_lib.retrieval.reranking import reranked_scores


def similarity(search):
    return search.query @ search.gallery.T


def on_circle(*degrees):
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    return torch.stack([angles.cos(), angles.sin()], 1)


def among_themselves(embeddings, ids):
    cameras = np.arange(len(ids))
    return Search(embeddings, embeddings, ids, ids, cameras, cameras)


def naive_figures(scores, search, thresholds, queries):
    """(precision, recall, f1, images, empty) of some queries, each with its own threshold, one pair after the other."""
    match, counted = naive_pairs(search)
    returned, correct, matches = [], 0, 0
    for i in queries:
        accepted = [j for j in range(scores.shape[1]) if scores[i, j] >= thresholds[i] and counted[i, j]]
        returned.append(len(accepted))
        correct += sum(match[i, j] for j in accepted)
        matches += match[i].sum()
    f1 = 2 * correct / (sum(returned) + matches)
    precision = correct / max(1, sum(returned))
    return [precision, correct / matches, f1, np.mean(returned), np.mean([count == 0 for count in returned])]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 6), st.integers(2, 4), st.integers(0, 20))
def test_curve_compared_with_a_loop(seed, people, images, distractors):
    search = small_search(people, images, distractors, noise=1.0, size=4, seed=seed)
    if distractors:
        search.gallery_ids[-1] = -1
    search = search._replace(query_cameras=search.query_cameras // 2, gallery_cameras=search.gallery_cameras // 2)
    scores = similarity(search)
    curve = decisions.precision_recall(scores, search)
    valid = np.flatnonzero(naive_pairs(search)[0].any(1))
    assert curve["threshold"].is_monotonic_increasing and curve["recall"].iloc[0] == 1
    for _, row in curve.iloc[::3].iterrows():
        thresholds = np.full(len(scores), np.float32(row["threshold"]))
        assert row.tolist()[1:] == pytest.approx(naive_figures(scores, search, thresholds, valid))


def test_thresholds_by_hand():
    embeddings, ids = on_circle(0, 10, 20, 100, 112, 125), np.array([1, 1, 1, 2, 2, 2])
    search = among_themselves(embeddings, ids)
    scores, expected = similarity(search), float(np.cos(np.deg2rad(25)))  # all pairs of a person and no others
    curve = decisions.precision_recall(scores, search)
    assert curve["f1"].max() == 1 and curve["threshold"][curve["f1"].idxmax()] == pytest.approx(expected, abs=1e-5)
    fitted = decisions.fit_threshold(scores, search)
    assert fitted.threshold == pytest.approx(expected, abs=1e-5)
    # people 1 are judged by the threshold of people 2 (25 degrees), people 2 by that of people 1 (20 degrees)
    assert fitted.precision == 1 and fitted.recall == pytest.approx(10 / 12) and fitted.images == pytest.approx(10 / 6)
    assert fitted.f1 == pytest.approx(20 / 22) and fitted.empty == 0


def test_average_minimum_by_hand():
    embeddings, ids = on_circle(0, 60, 10, 200, 245, 90), np.array([1, 1, 1, 2, 2, 3])
    expected = (np.cos(np.deg2rad(60)) + np.cos(np.deg2rad(45))) / 2  # person 3 has one image
    assert decisions.average_minimum(embeddings, ids) == pytest.approx(expected, abs=1e-6)
    assert decisions.average_minimum(embeddings.numpy(), torch.from_numpy(ids)) == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match="no person has two images"):
        decisions.average_minimum(embeddings[:2], np.array([1, 2]))


def test_rules_are_judged_on_people_they_were_not_fitted_on():
    search = small_search(people=8, distractors=16, noise=0.9)
    scores = {"similarity": similarity(search), "reranked": reranked_scores(search.query, search.gallery)}
    table = decisions.decision_table(scores, search, fixed=0.42)
    assert table["score"].value_counts().to_dict() == {"similarity": 3, "reranked": 1}
    table = table.set_index(["score", "rule"])
    assert table.loc[("similarity", "fixed"), "threshold"] == 0.42
    fold = decisions._folds(search.query_ids, np.ones(len(search.query), bool))
    figures = ["precision", "recall", "f1", "images", "empty"]
    everyone = range(len(fold))
    for score, values in scores.items():
        thresholds = np.zeros(len(fold))
        for number in range(5):
            train = np.flatnonzero(fold != number)
            part = search._replace(
                query=search.query[train], query_ids=search.query_ids[train], query_cameras=search.query_cameras[train]
            )
            # the same candidates as in the whole search: the best of them has the best F1 of the part
            curve = decisions.precision_recall(values, search)
            f1 = [naive_figures(values[train], part, np.full(len(train), np.float32(t)), range(len(train)))[2]
                  for t in curve["threshold"]]  # fmt: skip
            best = np.float32(curve["threshold"][int(np.argmax(f1))])
            # the smallest score of the part's own matches from there on
            thresholds[fold == number] = (
                min(s for s in values[train][naive_pairs(part)[0]].tolist() if s >= best) - 1e-6
            )
        row = table.loc[(score, "best F1"), figures].tolist()
        assert row == pytest.approx(naive_figures(values.numpy(), search, thresholds, everyone))
    fixed = naive_figures(scores["similarity"], search, np.full(len(fold), 0.42), everyone)
    assert table.loc[("similarity", "fixed"), figures].tolist() == pytest.approx(fixed)


def test_searches_with_one_person_and_without_a_valid_query_and_scores_of_another_search():
    search = small_search(people=1, images=3, distractors=10)
    fitted = decisions.fit_threshold(similarity(search), search)
    assert np.isfinite(fitted.threshold) and np.isnan(fitted[1:]).all()
    search = small_search(people=3, images=1)
    with pytest.raises(ValueError, match="no query"):
        decisions.fit_threshold(similarity(search), search)
    with pytest.raises(ValueError, match="shape"):
        decisions.fit_threshold(similarity(search)[:, 1:], search)


def test_lists_and_sets_by_hand():
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.5], [0.3, 0.2, 0.1, 0.0]])
    keep = torch.tensor([True, False, True, True])

    def lists(*arguments, **options):
        return [positions.tolist() for positions in decisions.ranked_lists(*arguments, **options)]

    assert lists(scores, 3) == [[1, 2, 3], [0, 1, 2]] and lists(scores.half().numpy(), 1) == [[1], [0]]
    assert lists(scores, 9) == [[1, 2, 3, 0], [0, 1, 2, 3]]
    assert lists(scores, 2, first=torch.tensor([3, -1])) == [[3, 1], [0, 1]]
    assert lists(scores, 4, keep=keep) == [[2, 3, 0], [0, 2, 3]]
    assert lists(scores, 2, first=torch.tensor([1, 2]), keep=keep) == [[1, 2], [2, 0]]
    assert lists(scores, 2, keep=~keep) == [[1], [1]]
    with pytest.raises(ValueError, match="depth=1"):
        decisions.ranked_lists(scores, 0)
    assert [row.tolist() for row in decisions.person_sets(scores, 0.5)] == [[1, 2, 3], []]
    assert [row.tolist() for row in decisions.person_sets(scores.numpy(), 0.2, keep)] == [[2, 3], [0]]
    assert torch.equal(scores, torch.tensor([[0.1, 0.9, 0.5, 0.5], [0.3, 0.2, 0.1, 0.0]]))  # unchanged


def test_gain_of_longer_lists():
    search = small_search(people=8, images=4, noise=0.9)
    scores = similarity(search)
    table = decisions.list_length_table(scores, search).set_index("Images per query")
    assert table.index.tolist() == [20, 50, 100, 200] and (table.diff().dropna() >= 0).all(axis=None)
    order = scores.sort(dim=1, descending=True, stable=True).indices
    for depth, row in table.iterrows():
        shortened = list(order[:, :depth])
        assert row["mAP, cross-camera"] == pytest.approx(100 * list_scores(shortened, *search[2:])["mAP"])
        expected = list_scores(shortened, *search[2:], course=True)["mAP"]
        assert row["mAP, as the course scores it"] == pytest.approx(100 * expected)
