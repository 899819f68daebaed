import pytest
import torch
import torch.nn.functional as F

from assignment_lib.data import images
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
    store = images.decode(few_data.train["path"][:3], progress=False)
    evidence = junk.worn_evidence(classifier, store)
    assert evidence.shape == (3,) and evidence.dtype == torch.float32
    resized = F.interpolate(store[2:].float() / 255, (224, 224), mode="bilinear")
    with torch.inference_mode():
        probabilities = classifier((resized - 0.5) / 0.5).softmax(1)[0]
    assert float(evidence[2]) == pytest.approx(float(probabilities[junk.worn_classes()].sum()), abs=1e-4)
    assert junk.worn_evidence(classifier, store[:0]).shape == (0,)


def test_threshold_by_hand():
    scores = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    assert int((scores < junk.junk_threshold(scores)).sum()) == 5
    with pytest.raises(ValueError, match="no scores"):
        junk.junk_threshold(torch.empty(0))


def test_what_the_filter_removes():
    evidence = torch.tensor([0.1, 0.8, 0.2, 0.9, 0.1, 0.7, 0.6])
    table = junk.removal_table({"junk": evidence[:2], "people": evidence[3:], "none": evidence[:0]}, 0.5)
    assert table.to_numpy().tolist() == [["junk", 2, 1, 50], ["people", 4, 1, 25]]
