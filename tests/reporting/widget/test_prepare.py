import dataclasses

import pytest
import torch

from assignment_lib import environment
from assignment_lib.environment import Settings
from assignment_lib.models.joint import JointConvNet
from assignment_lib.reporting.widget import asking, prepare
from assignment_lib.reporting.widget.playground import Playground
from assignment_lib.training.several import Networks

CPU = torch.device("cpu")


def test_what_a_network_says_is_kept_while_it_is_the_same(tmp_path, monkeypatch):
    network = JointConvNet("efficientnet_lite0", 0, pretrained=False)
    stores = {"query": torch.randint(0, 256, (2, 3, 32, 16), dtype=torch.uint8)}
    file = tmp_path / "said.pt"
    plain, mirrored = prepare.said_of(network, stores, file)
    asked = []
    predict = prepare.predictions.predict
    monkeypatch.setattr(prepare.predictions, "predict", lambda *a, **o: asked.append(1) or predict(*a, **o))
    again = prepare.said_of(network, stores, file)
    assert not asked
    for first, second in zip((plain, mirrored), again, strict=True):
        assert torch.equal(first["query"].embeddings, second["query"].embeddings)
        assert torch.equal(first["query"].probabilities["hat"], second["query"].probabilities["hat"])
    prepare.said_of(network, {"query": stores["query"] // 2}, file)
    assert len(asked) == 2, "other images were not looked at"
    with torch.no_grad():
        next(network.parameters()).add_(1)
    prepare.said_of(network, stores, file)
    assert len(asked) == 4, "another network was not asked"


@pytest.mark.slow
def test_everything_of_a_small_data_set(few_data, tmp_path, monkeypatch):
    """Two recipes are trained, the second with another network for the test; a third one's training broke off."""
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path))
    asked = []

    def networks(data, recipe, settings, device, log):
        asked.append(settings.recipe)
        both = [JointConvNet("mobilenetv3_small_050", 0, pretrained=False).eval() for _ in range(2)]
        return Networks(both[0], both[settings.recipe == "report"], recipe, "")

    monkeypatch.setattr(prepare.several, "networks", networks)
    settings = Settings(few_data.name)
    for recipe, files in (("report", ["best.pt", "last.pt", "finished.txt"]), ("strong", ["best.pt", "last.pt"])):
        folder = Settings(few_data.name, recipe).training_folder("joint")
        folder.mkdir(parents=True)
        for file in files:
            (folder / file).touch()
    settings.training_folder("joint").mkdir(parents=True)
    sides, looks = prepare.everything(few_data, settings, CPU)
    assert list(looks) == asked == ["smoke", "report"]
    files = {file.name for file in Settings(few_data.name, "report").training_folder("joint").glob("demo*")}
    assert {"demo.pt", "demo-test.pt"} <= files
    game = Playground(sides, looks)
    page = game.page()
    assert page.counts.known and page.results and page.asked.said.true.min() >= 0
    assert set(looks["smoke"].answers) == {"list", "set"}
    first = [shown.place for shown in page.results], [shown.score for shown in page.results]
    game.state = asking.with_setting(game.state, network="report")
    page = game.page()
    assert ([shown.place for shown in page.results], [shown.score for shown in page.results]) != first
    game.take_upload("me.png", sides.query.images[0])
    assert list(game.look.ask(sides.query.images[0])[1]) == list(game.look.probabilities("query"))


def test_data_without_queries_steps_aside(few_data):
    alone = dataclasses.replace(few_data, query=few_data.query.iloc[:0])
    with pytest.raises(environment.SkipNotebook, match="no queries or no gallery"):
        prepare.everything(alone, Settings(few_data.name), CPU)
