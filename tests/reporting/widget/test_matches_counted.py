import numpy as np
import pytest
import torch
from small_gallery import made_up

from assignment_lib import metrics
from assignment_lib.reporting.widget import counts, finding, overall
from assignment_lib.reporting.widget.finding import NOT_COUNTED, RIGHT, UNKNOWN, WRONG, Ranked
from assignment_lib.reporting.widget.sides import Side, Sides

SCORE = np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
VERDICT = np.array([RIGHT, NOT_COUNTED, WRONG, RIGHT, RIGHT], np.int8)
FOUND = Ranked(np.arange(4), SCORE, VERDICT, np.ones(5, bool))  # the last image was taken away by the junk filter


def test_figures_by_hand():
    of = counts.counts(FOUND, counts.answered(FOUND, 0.6))
    assert of == (4, 2, 1, 3, True)
    assert (of.precision, of.recall, of.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert counts.missed(FOUND, counts.answered(FOUND, 0.85)).tolist() == [3, 4]


def test_an_empty_answer_and_nothing_to_find():
    empty = counts.counts(FOUND, counts.answered(FOUND, 0.95))
    assert (empty.returned, empty.precision, empty.recall, empty.f1) == (0, 0, 0, 0)
    nothing = counts.counts(FOUND._replace(verdict=np.full(5, UNKNOWN, np.int8)), counts.answered(FOUND, 0))
    assert not nothing.known and np.isnan(nothing.recall) and np.isnan(nothing.f1)


def test_what_is_handed_in_counts_where_it_takes_part():
    assert counts.answered(FOUND, 0.99, np.array([3, 0, 4])).tolist() == [True, False, False, True, False]


def test_the_curve_goes_through_the_figures_of_each_threshold():
    sides, _, search = made_up(0.02, likeness=0.3)
    verdict = finding.verdicts(sides.gallery, sides.query.pids[3], sides.query.cameras[3])
    found = finding.ranked(search["gallery"] @ search["query"][3], verdict, np.ones(len(verdict), bool))
    curve = counts.curve_of_query(found)
    assert len(curve) == (verdict == RIGHT).sum() > 2
    for threshold, precision, recall in curve.itertuples(index=False):
        of = counts.counts(found, counts.answered(found, threshold))
        assert (of.precision, of.recall) == pytest.approx((precision, recall))


def everyone(sides, search, threshold, keep):
    """Sums over the queries, one by one, by the functions of one query."""
    right = wrong = matches = 0
    for place in range(len(sides.query)):
        verdict = finding.verdicts(sides.gallery, sides.query.pids[place], sides.query.cameras[place])
        found = finding.ranked(
            search["gallery"] @ search["query"][place], verdict, np.ones(len(verdict), bool), keep.numpy()
        )
        of = counts.counts(found, counts.answered(found, threshold))
        matches += of.matches
        if (verdict[keep.numpy()] == RIGHT).any():
            right, wrong = right + of.right, wrong + of.wrong
    precision, recall = right / (right + wrong), right / matches
    return precision, recall, 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("filtered", [False, True])
def test_all_queries_are_the_sum_of_each(filtered):
    sides, _, search = made_up(0.01, likeness=0.3)
    keep = torch.ones(len(sides.gallery), dtype=torch.bool)
    if filtered:
        keep[torch.randperm(len(keep), generator=torch.Generator().manual_seed(0))[:60]] = False
    table = overall.all_queries(sides, search["query"], search["gallery"], keep if filtered else None)
    at = table.set_index("threshold").loc[0.3]
    assert (at["precision"], at["recall"], at["f1"]) == pytest.approx(everyone(sides, search, 0.3, keep), abs=1e-6)


def test_without_a_truth_or_a_match_there_are_no_figures():
    sides, _, search = made_up(0.01, known=False)
    assert overall.all_queries(sides, search["query"], search["gallery"]) is None
    known, _, _ = made_up(0.01)
    strangers = Sides(known.query, Side(known.gallery.images, known.gallery.table.assign(pid=0)))
    assert overall.all_queries(strangers, search["query"], search["gallery"]) is None
    assert len(overall.hardest(strangers, search["query"], search["gallery"])) == 0


def test_the_hardest_have_the_lowest_average_precision():
    sides, _, search = made_up(0.01, likeness=0.3)
    order = overall.hardest(sides, search["query"], search["gallery"])
    scores = metrics.reid_scores(**search)
    ap = dict(zip(np.flatnonzero(scores.valid), scores.ap, strict=True))
    assert sorted(order) == sorted(ap) and (np.diff([ap[query] for query in order]) >= 0).all()


def test_of_strangers_the_hardest_are_like_nobody():
    sides, _, search = made_up(0.01, known=False)
    nearest = (search["query"] @ search["gallery"].T).amax(1)
    order = overall.hardest(sides, search["query"], search["gallery"])
    assert (nearest[order].diff() >= 0).all() and len(order) == len(sides.query)
