import numpy as np
import pytest
import torch
from small_searches import naive_pairs, search

from assignment_lib.evaluation.calibration import expected_calibration_error
from assignment_lib.retrieval import same_person_probability as probability
from assignment_lib.retrieval.mutual import mutual_ranks, ranks_of_query
from assignment_lib.retrieval.normalisation import s_norm, z_norm
from assignment_lib.retrieval.pair_scores import gallery_side, similarity_blocks
from assignment_lib.retrieval.searches import truth


def test_evidence_candidate_by_candidate():
    of = search(people=3, images=3, crowd=6)
    own = truth(of).own
    side = gallery_side(of.query, of.gallery, own)
    similarity = next(similarity_blocks(of.query, of.gallery, own))
    found = probability.candidates(similarity, side, most=20)
    back, mutual = ranks_of_query(similarity, side.nearest), mutual_ranks(similarity, side.nearest)
    z, s = z_norm(similarity), s_norm(similarity, side.mean, side.deviation)
    naive = naive_pairs(of)[0]
    assert found.order.shape == (9, 15) and not found.there[:, -1].any() and found.there[:, :-1].all()
    for i in range(9):
        order = np.argsort(-naive[i], kind="stable")
        for rank, j in enumerate(order[:14], start=1):
            after = naive[i, order[rank]] if rank < 14 else -1.0  # the query's own image comes last
            wanted = [
                naive[i, j], np.log(rank), np.log(int(back[i, j])), np.log(int(mutual[i, j])),
                naive[i].max() - naive[i, j], naive[i, j] - after, float(z[i, j]), float(s[i, j]),
            ]  # fmt: skip
            assert found.evidence[i, rank - 1].tolist() == pytest.approx(wanted, abs=1e-4)
            assert found.order[i, rank - 1] == j


def test_probabilities_of_people_left_out_are_calibrated():
    """The candidates of one half of the people foretell how often those of the other half are right."""
    of = search(people=60, images=3, crowd=200, noise=0.7, seed=1)
    known = truth(of)
    side = gallery_side(of.query, of.gallery, known.own)
    found = probability.candidates(next(similarity_blocks(of.query, of.gallery, known.own)), side)
    right, half = known.right.gather(1, found.order), torch.arange(180) < 90
    model = probability.fit_same_person(found.evidence[half].flatten(0, 1), right[half].flatten())
    said = model(found.evidence[~half])
    assert said.dtype == torch.float32 and said.shape == (90, 50) and (said >= 0).all() and (said <= 1).all()
    assert float(said.mean()) == pytest.approx(float(right[~half].float().mean()), abs=0.01)
    errors = probability.calibration_errors(said.flatten(), right[~half].flatten())
    assert errors["ece"] < 0.02 and errors["ece_likely"] < 0.15
    assert said[right[~half]].mean() > 5 * said[~right[~half]].mean()


def test_reliability_by_hand():
    said, right = torch.tensor([0.05, 0.15, 0.15, 0.95, 1.0]), torch.tensor([0, 0, 1, 1, 1], dtype=torch.bool)
    table = probability.reliability(said, right)
    assert table["images"].tolist() == [1, 2, 2] and table["accuracy"].tolist() == [0, 0.5, 1]
    wanted = (0.05 + 2 * 0.35 + 2 * 0.025) / 5
    assert expected_calibration_error(table) == pytest.approx(wanted, abs=1e-6)
    errors = probability.calibration_errors(said, right)
    assert errors["ece"] == pytest.approx(wanted, abs=1e-6)
    assert errors["ece_likely"] == pytest.approx((2 * 0.35 + 2 * 0.025) / 4, abs=1e-6)
    assert set(probability.calibration_errors(said[:1], right[:1])) == {"ece"}


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match="all of the same person or all of others"):
        probability.fit_same_person(torch.zeros(3, 8), torch.zeros(3, dtype=torch.bool))
