"""The strong recipe, small, from data to scores."""

import pytest
import torch

from assignment_lib.training import assembly, parts, recipes


@pytest.mark.slow
def test_strong_trains_what_it_says(few_data, tmp_path):
    settings = recipes.recipe(
        "strong", image_size=(64, 32), batch_size=16, epochs=2, amp="off", pretrained=False, validation_share=0.25
    )
    split = assembly.decoded_split(few_data, settings)
    training = assembly.joint(split, settings, torch.device("cpu"))
    stem = training.network.features.network.conv_stem.weight.clone()
    history = assembly.run(training, tmp_path)
    assert len(history) == 2 and history[["loss", "reid/mAP", "attributes/average/macc"]].notna().to_numpy().all()
    assert history["learning_rate/heads"].iloc[1] < history["learning_rate/heads"].iloc[0]
    assert torch.equal(training.network.features.network.conv_stem.weight, stem)
    network, found = parts.trained_network(tmp_path)
    assert found == settings and float(network.logit_adjustment.tau) == pytest.approx(0.4)
