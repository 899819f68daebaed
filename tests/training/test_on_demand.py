"""The network of notebook 04, trained where another notebook needs it first."""

import pytest
import torch

from assignment_lib.training import assembly, on_demand, recipes

SMALL = {"image_size": (64, 32), "epochs": 2, "amp": "off", "pretrained": False}


@pytest.mark.slow
def test_trained_once_with_the_numbers_of_notebook_04(few_data, tmp_path):
    settings, device, said = recipes.recipe("smoke", **SMALL), torch.device("cpu"), []
    network, recipe = on_demand.trained_network(few_data, settings, tmp_path / "here", device, said.append)
    assert "is not there yet: it is trained here" in said[0] and recipe.data == settings.data and not network.training

    split = assembly.decoded_split(few_data, settings)
    training = assembly.joint(split, settings, device)
    assembly.run(training, tmp_path / "notebook 04")
    for ours, theirs in zip(network.state_dict().values(), training.network.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)

    said.clear()
    again, _ = on_demand.trained_network(few_data, settings, tmp_path / "here", device, said.append)
    assert said == []
    assert torch.equal(next(again.parameters()), next(network.parameters()))


@pytest.mark.slow
def test_what_broke_off_goes_on_and_a_copied_network_is_enough(few_data, tmp_path):
    settings, device, said = recipes.recipe("smoke", **SMALL), torch.device("cpu"), []
    on_demand.trained_network(few_data, settings, tmp_path, device, said.append)
    (tmp_path / "finished.txt").unlink()  # as a lost session leaves it
    said.clear()
    on_demand.trained_network(few_data, settings, tmp_path, device, said.append)
    assert "is not trained to its end" in said[0] and "going on after epoch 2 of 2" in said[1]
    for name in ("last.pt", "previous.pt", "finished.txt"):
        (tmp_path / name).unlink()
    said.clear()
    on_demand.trained_network(few_data, recipes.recipe("report"), tmp_path, device, said.append)
    assert said == []
