import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_searches import small_search

from assignment_lib.data import images
from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.retrieval import junk


def test_every_worn_thing_is_an_imagenet_class():
    from timm.data import ImageNetInfo

    info, classes = ImageNetInfo(), junk.worn_classes()
    names = {info.index_to_description(i).split(",")[0].lower() for i in classes}
    assert names == {name.lower() for name in junk.WORN}
    assert {608, 610, 834} <= set(classes)  # jean, jersey, suit
    assert len(classes) == len(junk.WORN) + 1  # there are two maillots


def test_evidence_is_the_classifiers_own(few_data):
    classifier = junk.imagenet_classifier()
    store = images.decode(few_data.train["path"][:3], progress=False).images
    evidence = junk.worn_evidence(classifier, store)
    assert evidence.shape == (3,) and evidence.dtype == torch.float32
    resized = F.interpolate(store[2:].float() / 255, (224, 224), mode="bilinear")
    with torch.inference_mode():
        probabilities = classifier((resized - 0.5) / 0.5).softmax(1)[0]
    assert float(evidence[2]) == pytest.approx(float(probabilities[junk.worn_classes()].sum()), abs=1e-4)
    assert junk.worn_evidence(classifier, store[:0]).shape == (0,)


def test_unknown_and_unreachable_classifiers(monkeypatch):
    with pytest.raises(ValueError, match="coat"):
        junk.imagenet_classifier("coat")

    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("timm.create_model", offline)
    with pytest.raises(ConnectionError, match="coatnet_0_rw_224"):
        junk.imagenet_classifier("coatnet_0_rw_224")


def test_threshold_by_hand():
    assert junk.junk_threshold(torch.linspace(0, 1, 101), lose=0.05) == pytest.approx(0.05)
    scores = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    assert int((scores < junk.junk_threshold(scores, lose=0.01)).sum()) == 10
    for people, lose in ((torch.empty(0), 0.1), (scores, 1.5)):
        with pytest.raises(ValueError, match="quantile"):
            junk.junk_threshold(people, lose)


def test_what_the_filter_removes():
    evidence = torch.tensor([0.1, 0.8, 0.2, 0.9, 0.1, 0.7, 0.6])
    groups = junk.known_groups(evidence, np.array([-1, -1, 0, 4, 4, 7, 7]))
    table = junk.removal_table(groups, 0.5).set_index("Images")
    assert table["Number"].to_dict() == {"people": 4, "distractors": 1, "junk": 2}
    assert table["Removed"].to_dict() == {"people": 1, "distractors": 1, "junk": 1}
    assert table.loc["people", "Removed, %"] == 25
    assert junk.removal_table({"nothing": torch.empty(0)}, 0.5).empty


def test_effect_on_the_validation_search():
    search = small_search(people=8, images=3, distractors=60, noise=0.8)
    people = torch.arange(len(search.gallery)) < 24
    table = junk.filter_effect(search, people).set_index("Filter")
    assert table.loc["no filter", "mAP"] == pytest.approx(100 * reid_scores(*search).mAP)
    alone = search._replace(
        gallery=search.gallery[:24], gallery_ids=search.gallery_ids[:24], gallery_cameras=search.gallery_cameras[:24]
    )
    assert table.loc["filter", "mAP"] == pytest.approx(100 * reid_scores(*alone).mAP)
    half = people.clone()
    half[:12] = False
    assert junk.filter_effect(search, half)["mAP"].diff()[1] < 0  # removed matches are missed
    with pytest.raises(ValueError, match="3 entries"):
        junk.filter_effect(search, torch.ones(3, dtype=torch.bool))
