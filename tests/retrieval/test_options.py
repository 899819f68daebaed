import pandas as pd
import pytest
import torch
from small_searches import search

from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.retrieval.options import AFTER, Options, choose_options, options_table
from assignment_lib.retrieval.whitening import fit_whitening


def test_every_combination_by_the_same_protocol():
    plain, mirrored = search(people=10, images=4, crowd=40), search(people=10, images=4, crowd=40, seed=1)
    training = torch.nn.functional.normalize(torch.randn(50, 12, generator=torch.Generator().manual_seed(0)))
    table = options_table({False: plain, True: mirrored}, {False: training, True: training})
    assert len(table) == 2 * 2 * len(AFTER) and table.notna().all(axis=None)
    assert table["mAP"][0] == pytest.approx(100 * reid_scores(*plain).mAP)
    assert table["rank-1"][6] == pytest.approx(100 * reid_scores(*mirrored).rank1)
    whiten = fit_whitening(mirrored.gallery, training)
    white = mirrored._replace(query=whiten(mirrored.query), gallery=whiten(mirrored.gallery))
    assert table["mAP"][9] == pytest.approx(100 * reid_scores(*white).mAP)
    assert len(options_table({False: plain})) == 6


def test_the_best_has_to_earn_it():
    table = pd.DataFrame(
        {
            "Mirror images": [False, False, True], "Whitening": [False, True, False], "mAP": [40.0, 40.15, 40.1],
            "After": ["none", "re-ranking", "none"],
        }
    )  # fmt: skip
    assert choose_options(table) == Options() == Options(False, False, "none")
    assert choose_options(table, least=0.1) == Options(False, True, "re-ranking")
    assert choose_options(table.assign(mAP=[40, 40.1, 40.3])) == Options(mirror=True)
