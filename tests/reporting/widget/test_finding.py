import numpy as np
import pytest
import torch
from small_gallery import made_up

from assignment_lib import retrieval
from assignment_lib.evaluation.protocol import ranked_matches
from assignment_lib.reporting.widget import finding
from assignment_lib.reporting.widget.finding import NOT_COUNTED, RIGHT, UNKNOWN, WRONG
from assignment_lib.retrieval.search import parse

ALL = np.ones(4, bool)


def test_verdicts_are_those_of_the_protocol():
    sides, _, search = made_up(0.01)
    for query in range(10):
        pid, camera = sides.query.pids[query], sides.query.cameras[query]
        verdict = finding.verdicts(sides.gallery, pid, camera)
        similarity = (search["gallery"] @ search["query"][query]).numpy()
        order = np.argsort(-similarity, kind="stable")
        counted = [place for place in order if verdict[place] != NOT_COUNTED]
        expected = ranked_matches(similarity, pid, sides.gallery.pids, camera, sides.gallery.cameras)
        assert [verdict[place] == RIGHT for place in counted] == expected
        judged = retrieval.judge(torch.as_tensor(order)[None], sides.query.table.iloc[[query]], sides.gallery.table)[0]
        assert [{True: RIGHT, False: WRONG, None: NOT_COUNTED}[one] for one in judged] == verdict[order].tolist()


@pytest.mark.parametrize("pid", [-2, -1, 0])
def test_nobody_knows_who_is_like_a_distractor(pid):
    sides, _, _ = made_up(0.01)
    assert (finding.verdicts(sides.gallery, pid, 1) == UNKNOWN).all()


def test_an_anonymous_gallery_is_not_judged():
    sides, _, _ = made_up(0.01, known=False)
    assert (finding.verdicts(sides.gallery, 5, 1) == UNKNOWN).all()


def test_order_filters_and_the_image_itself():
    similarity = torch.tensor([0.2, 0.9, 0.9, 0.5])
    verdict = np.zeros(4, np.int8)
    assert finding.ranked(similarity, verdict, ALL).order.tolist() == [1, 2, 3, 0]
    assert finding.ranked(similarity, verdict, ALL, own=2).order.tolist() == [1, 3, 0]
    found = finding.ranked(similarity, verdict, np.array([1, 0, 1, 1], bool), np.array([1, 1, 1, 0], bool))
    assert found.order.tolist() == [2, 0] and found.wanted.tolist() == [True, False, True, True]
    assert ALL.all(), "the caller's filter is not changed"


def test_a_small_gallery_is_reranked_as_a_whole():
    _, _, search = made_up(0.01)
    query, gallery = search["query"][:1], search["gallery"]
    assert len(gallery) < finding.RERANKED
    everything = np.ones(len(gallery), bool)
    verdict = np.zeros(len(gallery), np.int8)
    found = finding.ranked(gallery @ query[0], verdict, everything, embeddings=(query[0], gallery))
    expected = retrieval.rank_distances(retrieval.rerank(query, gallery))[0]
    assert sorted(found.order) == list(range(len(gallery)))
    assert found.order[:30].tolist() == expected[:30].tolist()


def test_only_the_first_are_reranked(monkeypatch):
    monkeypatch.setattr(finding, "RERANKED", 25)
    _, _, search = made_up(0.01)
    query, gallery = search["query"][0], search["gallery"]
    everything, verdict = np.ones(len(gallery), bool), np.zeros(len(gallery), np.int8)
    plain = finding.ranked(gallery @ query, verdict, everything).order
    found = finding.ranked(gallery @ query, verdict, everything, embeddings=(query, gallery)).order
    assert found[25:].tolist() == plain[25:].tolist()
    assert set(found[:25]) == set(plain[:25]) and found[:25].tolist() != plain[:25].tolist()


def test_words_are_right_where_all_of_them_are_true():
    sides, _, _ = made_up(0.01)
    verdict = finding.verdicts_of_words(sides.gallery, parse("woman, backpack"))
    table = sides.gallery.table
    for place, of in enumerate(verdict.tolist()):
        row = table.iloc[place]
        expected = UNKNOWN if row["pid"] <= 0 else RIGHT if (row["gender"], row["backpack"]) == (1, 1) else WRONG
        assert of == expected
    assert set(verdict.tolist()) == {RIGHT, WRONG, UNKNOWN}


def test_filters_of_attribute_and_camera():
    sides, _, _ = made_up(0.01)
    classes = np.tile(np.arange(len(sides.gallery))[:, None] % 2, (1, 12))
    passed = finding.passing(sides.gallery, classes, ("hat", "yes"), 3)
    assert passed.tolist() == [i % 2 == 1 and c == 3 for i, c in enumerate(sides.gallery.cameras)]
    assert finding.passing(sides.gallery, classes).all()
