import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_searches import search

from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.retrieval import imagenet, junk


def test_similarity_to_the_nearest_identity():
    generator = torch.Generator().manual_seed(0)
    training = F.normalize(torch.randn(9, 4, generator=generator))
    ids, asked = np.array([3, 3, 3, 5, 5, 5, 9, 9, 9]), F.normalize(torch.randn(5, 4, generator=generator))
    centres = {pid: F.normalize(training[torch.as_tensor(ids == pid)].mean(0), dim=0) for pid in (3, 5, 9)}
    wanted = [max(float(one @ centre) for centre in centres.values()) for one in asked]
    assert junk.training_similarity(asked, training, ids).tolist() == pytest.approx(wanted, abs=1e-6)
    others = [
        max(float(one @ centre) for pid, centre in centres.items() if pid != own)
        for one, own in zip(training, ids, strict=True)
    ]
    found = junk.training_similarity(training, training, ids, leave_out=True)
    assert found.tolist() == pytest.approx(others, abs=1e-6)


def test_margins_and_their_mirror_images():
    row = torch.arange(10, dtype=torch.uint8)
    crops = junk.background_crops(row.expand(1, 3, 2, 10), share=0.3)
    assert crops.shape == (2, 3, 2, 10) and crops.dtype == torch.uint8
    assert crops[0, 0, 0].tolist() == [0, 1, 2, 2, 1, 0, 0, 1, 2, 2]
    assert crops[1, 0, 0].tolist() == [9, 8, 7, 7, 8, 9, 9, 8, 7, 7]


def test_the_probe_tells_people_from_background():
    generator = torch.Generator().manual_seed(0)
    persons = torch.randn(60, 5, generator=generator) + torch.tensor([2.0, 0, 0, 0, 0])
    background = torch.randn(120, 5, generator=generator) - torch.tensor([2.0, 0, 0, 0, 0])
    probe = junk.person_probe(persons[:40], background[:80])
    assert (probe(persons[40:]) > 0).float().mean() > 0.9 and (probe(background[80:]) < 0).float().mean() > 0.9


def test_log_odds_by_hand():
    """At the best weights a logistic regression's mean predicted share is the true one; a strong penalty keeps them small."""
    generator = torch.Generator().manual_seed(0)
    persons, background = (torch.randn(50, 5, generator=generator) + shift for shift in (1.0, -1.0))
    everything = torch.cat([persons, background])
    odds = junk.person_probe(persons, background)(everything)
    assert odds.dtype == torch.float32
    assert float(odds.sigmoid().mean()) == pytest.approx(0.5, abs=1e-3)
    assert junk.person_probe(persons, background, strength=1e-4)(everything).abs().max() < 0.5 < odds.abs().max()


def test_what_filters_cost_by_hand():
    pids = np.array([-1, -1, 0, 4, 4, 7, 7])
    scores = {"probe": torch.tensor([0.1, 0.8, 0.2, 0.9, 0.1, 0.7, 0.6]), "none": torch.ones(7)}
    table = junk.filter_table(scores, {"probe": 0.5, "none": 0.0}, pids).set_index("Filter")
    assert table.loc["probe", "Junk removed"] == "1 of 2" and table.loc["probe", "Junk removed, %"] == 50
    assert table.loc["probe", "People removed"] == "1 of 4" and table.loc["probe", "Distractors removed"] == "1 of 1"
    assert table.loc["none", "Junk removed"] == "0 of 2"
    # of the eight pairs of a junk image and a person: 0.1 is below three persons and ties with one, 0.8 is below one
    assert table.loc["probe", "Junk below people, %"] == pytest.approx(100 * (3.5 + 1) / 8)
    assert "Junk below people, %" not in junk.filter_table(scores, {"probe": 0.5, "none": 0.0}, np.abs(pids))
    assert junk.cut(torch.linspace(0, 1, 101), lose=0.05) == pytest.approx(0.05)


def test_what_a_filter_is_worth():
    of = search(people=8, images=3, crowd=60, noise=0.8)
    wanted = torch.arange(len(of.gallery)) < 24
    half = wanted.clone()
    half[:12] = False
    table = junk.worth(of, {"oracle": wanted, "blind": half}).set_index("Filter")
    assert table.loc["none", "mAP"] == pytest.approx(100 * reid_scores(*of).mAP)
    assert table.loc["oracle", "mAP"] > table.loc["none", "mAP"] > table.loc["blind", "mAP"]
    assert table.loc["oracle", "Others removed, %"] == 100 and table.loc["oracle", "Own people removed, %"] == 0
    assert table.loc["blind", "Own people removed, %"] == 50
    # the matches that are left are found among each other, those filtered away are missed
    alone = reid_scores(
        of.query, of.gallery[:24], of.query_ids, of.gallery_ids[:24], of.query_cameras, of.gallery_cameras[:24]
    )
    assert table.loc["oracle", "mAP"] == pytest.approx(100 * alone.mAP)
    assert junk.recommended(table.reset_index()) == "oracle"
    assert junk.recommended(table.drop("oracle").reset_index()) == "none"
    with pytest.raises(ValueError, match="the filter 'short' judges 3 images"):
        junk.worth(of, {"short": torch.ones(3, dtype=torch.bool)})
    nothing = junk.worth(of, {"everything": torch.zeros(len(of.gallery), dtype=torch.bool)})
    assert nothing["mAP"][1] == 0 and junk.recommended(nothing) == "none"


@pytest.mark.parametrize("classifier", [True, False])
def test_what_all_filters_say(classifier):
    generator = torch.Generator().manual_seed(0)

    def made(count, size=8):
        return F.normalize(torch.randn(count, size, generator=generator))

    training, background, asked, ids = made(12), made(9), {"a": made(4), "b": made(3)}, np.arange(12) // 3
    seen = {
        name: made(count, 1000).log_softmax(1) for name, count in (("people", 6), ("background", 6), ("a", 4), ("b", 3))
    }
    judged = junk.judged(asked, training, ids, background, seen if classifier else None)
    probe = junk.person_probe(training, background)
    by_class = junk.person_probe(seen["people"], seen["background"], strength=0.01)
    for name, of in asked.items():
        wanted = {"similarity": junk.training_similarity(of, training, ids), "probe": probe(of)}
        if classifier:
            both = by_class(seen[name]) + probe(of)
            wanted |= {"worn": imagenet.worn_evidence(seen[name]), "imagenet": by_class(seen[name]), "both": both}
        assert judged[name].keys() == wanted.keys()
        assert all(torch.equal(judged[name][one], wanted[one]) for one in wanted)
