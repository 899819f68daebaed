import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_gallery import made_up

from assignment_lib.reporting import widget
from assignment_lib.reporting.widget import asking, finding
from assignment_lib.reporting.widget.playground import Playground


def playground(**options):
    sides, look, search = made_up(**options)
    return Playground(sides, {"net": look}), sides, search


def test_a_query_and_its_results():
    game, sides, search = playground()
    game.state = asking.with_query(game.state, 4)
    page = game.page()
    similarity = search["gallery"] @ search["query"][4]
    order = similarity.sort(descending=True, stable=True).indices
    assert [shown.place for shown in page.results] == order[:20].tolist()
    assert [shown.score for shown in page.results] == pytest.approx(similarity[order[:20]].tolist())
    assert [shown.rank for shown in page.results] == list(range(1, 21))
    assert [shown.within for shown in page.results] == (similarity[order[:20]] >= 0.5).tolist()
    assert page.asked.file == sides.query.files[4] and page.asked.picture.startswith("data:image/jpeg;base64,")
    assert page.sentence.startswith("Query 5 of 34: ") and page.pages == math.ceil(len(order) / 20)
    assert set(page.asked.said.true) != {-1}


def test_the_second_page_goes_on():
    game, _, _ = playground()
    first = [shown.place for shown in game.page().results]
    game.state = asking.turned(game.state, game.images(), 1)
    second = game.page().results
    assert second[0].rank == 21 and not {shown.place for shown in second} & set(first)


def test_a_result_is_searched_by_and_does_not_find_itself():
    game, sides, search = playground()
    place = int(np.flatnonzero(sides.gallery.pids > 0)[0])
    game.state = asking.with_gallery(game.state, place)
    page = game.page()
    assert place not in game.found()[0].order and page.asked.file == sides.gallery.files[place]
    similarity = search["gallery"] @ search["gallery"][place]
    similarity[place] = -1
    assert page.results[0].place == int(similarity.argmax())


def test_words():
    game, _, _ = playground()
    game.state = asking.with_words(game.state, "woman, hat")
    page = game.page()
    likely = game.look.probabilities("gallery")
    expected = likely["gender"][:, 1] * likely["hat"][:, 1]
    assert [shown.score for shown in page.results] == pytest.approx(expected.sort(descending=True).values[:20].tolist())
    assert page.asked is None and page.counts.known
    game.state = asking.with_words(game.state, "a martian")
    with pytest.raises(ValueError, match="not understood: a martian"):
        game.page()


def test_words_need_attributes():
    game, _, _ = playground(heads=False)
    assert game.page().results[0].said.classes.tolist() == [-1] * 12
    game.state = asking.with_words(game.state, "hat")
    with pytest.raises(ValueError, match="has not learned attributes"):
        game.page()


def test_switches_give_other_rankings_and_are_remembered():
    game, _, _ = playground(dimensions=16, likeness=0.3)
    orders = {}
    for mirror, whitening, reranking in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
        game.state = asking.with_setting(
            game.state, mirror=bool(mirror), whitening=bool(whitening), reranking=bool(reranking)
        )
        orders[mirror, whitening, reranking] = tuple(game.found()[0].order)
        assert game.found() is game.found()
    assert len(set(orders.values())) == 4


def test_the_junk_filter_takes_images_away_and_its_matches_are_missed():
    sides, _, _ = made_up()
    verdict = finding.verdicts(sides.gallery, sides.query.pids[0], sides.query.cameras[0])
    keep = torch.as_tensor(verdict != finding.RIGHT)
    game = Playground(sides, {"net": made_up(keep=keep)[1]})
    assert game.state.junk_filter and game.page().missed_in_all == (verdict == finding.RIGHT).sum() > 0
    assert set(game.found()[0].order) == set(keep.nonzero()[:, 0].tolist())
    game.state = asking.with_setting(game.state, junk_filter=False)
    assert len(game.found()[0].order) == len(keep)


def test_what_is_handed_in_stands_first():
    answers = {"list": [torch.tensor([7, 2])] * 34, "set": [torch.tensor([], dtype=torch.int64)] * 34}
    game, _, _ = playground(answers=answers)
    game.state = asking.with_setting(game.state, answer="list")
    page = game.page()
    assert [shown.place for shown in page.results[:2]] == [7, 2] and page.counts.returned == 2
    assert [shown.within for shown in page.results[:3]] == [True, True, False]
    assert "the list that is handed in holds 2 of" in page.sentence
    game.state = asking.with_setting(game.state, answer="set")
    assert game.page().counts.returned == 0
    game.state = asking.with_gallery(game.state, 3)
    assert "threshold" in game.page().sentence, "nothing is handed in for a gallery image"


def test_missed_matches_are_those_below_the_threshold():
    game, sides, _ = playground(likeness=0.3)
    game.state = replace(game.state, threshold=0.99)
    page = game.page()
    verdict = finding.verdicts(sides.gallery, sides.query.pids[0], sides.query.cameras[0])
    assert page.missed_in_all == page.counts.matches == (verdict == finding.RIGHT).sum() > 0
    assert all(shown.verdict == finding.RIGHT and not shown.within for shown in page.missed)


def test_only_what_is_seen_becomes_a_picture(monkeypatch):
    game, _, _ = playground(scale=0.05)
    made = []
    monkeypatch.setattr("assignment_lib.reporting.widget.pictures.data_uri", lambda image: made.append(1) or "data:,")
    game.page()
    assert len(made) <= 1 + 20 + 20
    game.state = asking.with_setting(game.state, threshold=0.4)
    before = len(made)
    game.page()
    assert len(made) - before <= 20, "results stay where they are, and are not made again"


def test_pictures_of_ones_own_need_the_network():
    game, sides, _ = playground()
    with pytest.raises(ValueError, match="the network is not at hand"):
        game.take_upload("me.png", sides.query.images[0])
    with pytest.raises(ValueError, match="at least one look"):
        Playground(sides, {})


def test_sides_must_fit_their_tables(few_data):
    with pytest.raises(ValueError, match=r"^3 query images for \d+ rows"):
        widget.sides({"query": torch.zeros(3, 3, 8, 4, dtype=torch.uint8)}, few_data)
