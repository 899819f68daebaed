import pytest
import torch
import torch.nn.functional as F

from assignment_lib.data import images
from assignment_lib.retrieval import imagenet


def test_every_worn_thing_is_an_imagenet_class():
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    found = {info.index_to_description(i).split(",")[0].lower() for i in imagenet.worn_classes()}
    assert found == {name.lower() for name in imagenet.WORN}
    assert {608, 610, 834} <= set(imagenet.worn_classes())  # jean, jersey, suit
    assert len(imagenet.worn_classes()) == len(imagenet.WORN) + 1  # there are two maillots


def test_evidence_is_the_classifiers_own(few_data):
    classifier = imagenet.imagenet_classifier()
    store = images.decode(few_data.train["path"][:3], progress=False).images
    evidence = imagenet.class_evidence(classifier, store, batch_size=2)
    assert evidence.shape == (3, 1000) and evidence.dtype == torch.float32
    picture = F.interpolate(store[2:].float() / 255, (224, 224), mode="bilinear")
    with torch.inference_mode():
        probabilities = classifier((picture - 0.5) / 0.5).softmax(1)[0]
    torch.testing.assert_close(evidence[2].exp(), probabilities, atol=1e-4, rtol=0)
    worn = imagenet.worn_evidence(evidence)
    assert float(worn[2]) == pytest.approx(float(probabilities[imagenet.worn_classes()].sum()), abs=1e-4)


def test_a_model_nobody_knows_and_one_out_of_reach(monkeypatch):
    with pytest.raises(ValueError, match=r"no backbone is called 'coat'; take one of resnet18.*coat"):
        imagenet.imagenet_classifier("coat")

    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("timm.create_model", offline)
    with pytest.raises(ConnectionError, match=r"coatnet_0_rw_224 could not be downloaded .*take efficientnet_lite0"):
        imagenet.imagenet_classifier("coatnet_0_rw_224")
