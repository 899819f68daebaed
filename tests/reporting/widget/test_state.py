import numpy as np
import pandas as pd
import pytest
import torch
from made_up_retrieval import made_up

from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.reporting.widget import state as states
from assignment_lib.reporting.widget.state import EXCLUDED, MATCH, UNKNOWN, WRONG, State, changed, find, search

THRESHOLDS = {"similarity": 0.45, "reranked": 0.2, "probability": 0.5}


def by_hand(**changed_fields):
    """Query of person 1, camera 1; five gallery images with known scores."""
    gallery = pd.DataFrame({"file": list("abcde"), "pid": [1, 1, 2, 1, -1], "camera": [2, 1, 2, 3, 4]})
    query = pd.DataFrame({"file": ["q"], "pid": [1], "camera": [1]})
    similarity = torch.tensor([[0.9, 0.8, 0.7, 0.444, 0.6]])
    fields = {"similarity": similarity, "reranked": 1 - similarity, "query_table": query, "gallery_table": gallery}
    return made_up(people=1, distractors=0, **fields | changed_fields)


def test_verdicts_counts_and_missed_matches_by_hand():
    found = find(by_hand(), State(THRESHOLDS))
    assert found.order.tolist() == [0, 1, 2, 4]
    assert found.verdicts.tolist() == [MATCH, EXCLUDED, WRONG, MATCH, EXCLUDED]
    assert [found.count(verdict) for verdict in (MATCH, WRONG, EXCLUDED)] == [1, 1, 2]
    assert found.missed.tolist() == [3]


def test_the_threshold_applies_to_the_shown_score_and_not_to_a_list():
    assert 3 in find(by_hand(), State(THRESHOLDS | {"similarity": 0.44})).order  # 0.444 is shown as 0.44
    assert 3 not in find(by_hand(), State(THRESHOLDS | {"similarity": 0.45})).order
    assert find(by_hand(), State(THRESHOLDS, length=5)).order.tolist() == [0, 1, 2, 4, 3]


def test_reranking_orders_and_thresholds_by_its_own_score():
    state = changed(State(THRESHOLDS), "reranking", True)
    found = find(by_hand(), state)
    assert found.order.tolist() == [3, 4, 2, 1]  # 0.556, 0.4, 0.3, 0.2
    assert np.allclose(found.scores, [0.1, 0.2, 0.3, 0.56, 0.4])
    state = changed(state, "threshold", 0.5)
    assert state.thresholds == THRESHOLDS | {"reranked": 0.5}
    assert find(by_hand(), state).order.tolist() == [3]
    assert changed(state, "reranking", False).threshold == 0.45


@pytest.mark.parametrize("reranking", [False, True])
@pytest.mark.parametrize("length", [0, 10])
def test_the_order_is_that_of_the_shown_score(reranking, length):
    retrieval = made_up(likeness=0.4)
    state = State({"similarity": 0.1, "reranked": 0.1, "probability": 0.1}, reranking=reranking, length=length)
    for query in range(12):
        found = find(retrieval, search(state, "query", query))
        scores = found.scores[found.order]
        assert (np.diff(scores) <= 0).all() and len(scores) == (length or (found.scores >= 0.0999).sum())


def test_filters():
    retrieval = by_hand(keep=torch.tensor([False, True, True, True, True]))
    found = find(retrieval, State(THRESHOLDS, junk_filter=True))
    assert found.order.tolist() == [1, 2, 4] and found.missed.tolist() == [0, 3]  # a removed match is missed
    found = find(retrieval, State(THRESHOLDS, camera=2))
    assert found.order.tolist() == [0, 2] and not len(found.missed)  # a match of another camera is not
    found = find(made_up(), State(THRESHOLDS, attribute=("gender", "female"), length=200))
    female = made_up().gallery.probabilities["gender"].argmax(1) == 1
    assert sorted(found.order) == female.nonzero()[:, 0].tolist()


def test_a_gallery_image_matches_other_images_of_the_person():
    retrieval = made_up()
    found = find(retrieval, search(State(THRESHOLDS), "gallery", 5))
    assert found.order[0] == 5 and found.verdicts[5] == EXCLUDED  # the image itself
    table = retrieval.gallery_table
    assert (found.verdicts[(table["pid"] == table["pid"][5]) & (table["camera"] == 2)] == MATCH).all()


def test_words():
    retrieval = made_up()
    state = changed(State(THRESHOLDS), "words", "woman, red top")
    assert state.threshold == 0.25 and state.score == "probability"
    table, probabilities = retrieval.gallery_table, retrieval.gallery.probabilities
    found = find(retrieval, state)
    joint = (probabilities["gender"][:, 1] * probabilities["upcolor"][:, 2]).numpy()
    assert np.allclose(found.scores, joint, atol=0.0051)
    true = (table["gender"] == 1) & (table["upcolor"] == 2)
    assert (found.verdicts == np.where(table["gender"] >= 0, np.where(true, MATCH, WRONG), UNKNOWN)).all()
    with pytest.raises(ValueError, match="martian"):
        changed(State(THRESHOLDS), "words", "martian")
    with pytest.raises(ValueError, match="gender"):
        find(made_up(heads=False), state)


def test_unknown_identities_have_no_marks_but_the_query_copy():
    copies = torch.arange(12)
    found = find(made_up(known=False, copies=copies), search(State(THRESHOLDS), "query", 3))
    assert found.verdicts[3] == EXCLUDED and (np.delete(found.verdicts, 3) == UNKNOWN).all()
    assert not len(found.missed)


def test_the_hardest_queries_have_the_lowest_average_precision():
    retrieval = made_up(likeness=0.3)
    tables = retrieval.query_table, retrieval.gallery_table
    ids, cameras = ([table[column].to_numpy() for table in tables] for column in ("pid", "camera"))
    scores = reid_scores(retrieval.query.embeddings, retrieval.gallery.embeddings, *ids, *cameras)
    order = states.hardest_queries(retrieval, "similarity")
    assert sorted(order) == list(range(12)) and (np.diff(scores.ap[order]) >= 0).all()
    strangers = made_up(gallery_table=retrieval.gallery_table.assign(pid=0))
    assert not len(states.hardest_queries(strangers, "similarity"))


def test_hardest_queries_without_identities_are_unlike_all_other_images():
    similarity = torch.tensor([[1.0, 0.5, 0.2], [0.9, 1.0, 0.1], [0.3, 0.4, 0.8]])
    retrieval = made_up(known=False, similarity=similarity, copies=torch.tensor([0, 1, -1]))
    assert states.hardest_queries(retrieval, "similarity").tolist() == [0, 2, 1]
