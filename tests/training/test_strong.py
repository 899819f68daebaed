"""The recipes strong and market, small, from data to scores."""

import pytest
import torch

from assignment_lib.training import assembly, optimizers, parts, recipes


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
    assert found == settings and float(network.logit_adjustment.tau) == pytest.approx(0.5)


@pytest.mark.slow
def test_market_steps_as_luo_et_al_do(few_data):
    small = {"image_size": (64, 32), "batch_size": 16, "validation_share": 0.25, "distractors": "none"}
    settings = recipes.recipe("market", backbone="resnet18", pretrained=False, amp="off", **small)
    training = assembly.joint(assembly.decoded_split(few_data, settings), settings, torch.device("cpu"))
    network, batch = training.network, next(iter(training.batches))
    assert batch.pids.bincount()[batch.pids].tolist() == [4] * 16, "4 people x 4 images"
    assert network.features(batch.images).shape[2:] == (4, 2), "a sixteenth of 64 x 32"
    assert network.neck is not None and all(parameter.requires_grad for parameter in network.features.parameters())
    optimizer = optimizers.adamw(network, training.objective, settings.training.learning_rate)
    losses = []
    for _ in range(6):  # the same images again, so that the loss has to fall
        total, parts_of_it, _ = training.objective(network(batch.images), batch)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(float(total.detach()))
    assert set(parts_of_it) >= {"attributes", "pid", "triplet"} and losses[-1] < losses[0]
