import pytest
import torch
from small_gallery import made_up

from assignment_lib.evaluation.as_test import AsTest
from assignment_lib.evaluation.predictions import Predictions, predict
from assignment_lib.models.joint import JointConvNet
from assignment_lib.models.together import Together
from assignment_lib.reporting import widget
from assignment_lib.reporting.widget import explaining
from assignment_lib.reporting.widget.looks import View
from assignment_lib.retrieval import decisions
from assignment_lib.retrieval.options import Options
from assignment_lib.retrieval.whitening import fit_whitening


def learned_and_look(after="none", keep=None):
    _, _, search = made_up(0.01, likeness=0.35)
    learned = decisions.learn(AsTest(*search.values()), after)
    said = {name: Predictions(search[name], {}) for name in ("query", "gallery")}
    return learned, widget.look({False: said}, threshold=0.5, learned=learned, keep=keep), search


@pytest.mark.parametrize("after", ["none", "query expansion"])
def test_probabilities_are_those_of_the_rule(after):
    learned, look, search = learned_and_look(after)
    expected = next(
        decisions.score_blocks("probability", search["query"], search["gallery"], learned.model, learned.expanded)
    )[3]
    found = look.same_person(search["query"][3])
    there = expected.isfinite()
    assert torch.equal(~found.isnan(), there) and 0 < there.sum() < len(there)
    torch.testing.assert_close(found[there], expected[there], atol=1e-5, rtol=1e-4)


def test_what_is_filtered_away_and_the_image_itself_have_no_probability():
    keep = torch.ones(made_up(0.01)[2]["gallery"].shape[0], dtype=torch.bool)
    keep[::2] = False
    _, look, search = learned_and_look(keep=keep)
    found = look.same_person(search["gallery"][41], own=41)
    assert found[::2].isnan().all() and found[41].isnan() and not found.isnan().all()
    assert not look.same_person(search["gallery"][41])[41].isnan()


def test_without_a_model_there_are_none():
    _, look, search = made_up(0.01)
    assert look.same_person(search["query"][0]) is None


def test_whitening_is_learned_as_in_notebook_05():
    _, look, search = made_up(0.01)
    crowd, other = search["gallery"][:50], search["gallery"][50:90]
    said = dict(look.views[False])
    expected = {("gallery", "query"): fit_whitening(search["gallery"], search["query"])}
    found = {("gallery", "query"): widget.look({False: dict(said)}, threshold=0)}
    said["training"] = Predictions(other, {})
    expected["training",] = fit_whitening(search["gallery"], other)
    found["training",] = widget.look({False: dict(said)}, threshold=0)
    said |= {"crowd": Predictions(crowd, {}), "validation": Predictions(other, {})}
    expected["all",] = fit_whitening(crowd, other, other)
    found["all",] = widget.look({False: said}, threshold=0)
    for name, of in found.items():
        made = of.embeddings(View(False, True))
        torch.testing.assert_close(made["query"], expected[name](search["query"]))
        assert of.embeddings(View(False, True)) is made


def test_usual_switches_are_those_that_were_chosen():
    _, look, _ = made_up(0.01, options=Options(True, True, "re-ranking"))
    assert look.usual == (True, True) and look.reranked
    alone = widget.look({False: look.views[False]}, threshold=0.5, options=Options(True, False))
    assert alone.usual == (False, False)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return JointConvNet("efficientnet_lite0", 0, pretrained=False).eval()


def test_a_picture_is_looked_at_as_the_others_are(network):
    image = torch.randint(0, 256, (3, 64, 32), dtype=torch.uint8)
    _, look, _ = made_up(0.01, dimensions=1280, network=network, size=(64, 32))
    embeddings, said = look.ask(image)
    for mirror in (False, True):
        expected = predict(network, image[None], flip=mirror)
        torch.testing.assert_close(embeddings[mirror], expected.embeddings, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(said["age"], predict(network, image[None]).probabilities["age"][0])
    assert look.fitting(torch.zeros(3, 128, 64, dtype=torch.uint8)).shape == (3, 64, 32)


def test_maps_of_networks_of_this_project_only(network):
    left, right = (torch.randint(0, 256, (3, 64, 32), dtype=torch.uint8) for _ in range(2))
    for one in (network, Together([network, network])):
        maps = explaining.match_heat(one)(left, right)
        similarity = (predict(network, torch.stack([left, right])).embeddings.prod(0)).sum()
        assert [float(found.mean()) for found in maps] == pytest.approx([float(similarity)] * 2, abs=1e-4)
        assert explaining.attribute_heat(one)(left, "hat").shape == maps[0].shape
    assert explaining.match_heat(torch.nn.Identity()) is None
    assert explaining.attribute_heat(torch.nn.Identity()) is None
