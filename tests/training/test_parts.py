import pytest
import torch
import torch.nn.functional as F

from assignment_lib.batches.loader import Batch
from assignment_lib.data.attributes import TASKS
from assignment_lib.training import checkpoints, parts, recipes


def test_a_trained_network_comes_back_from_its_folder(tmp_path):
    recipe = recipes.recipe("smoke", backbone="efficientnet_lite0", seed=3)
    network = parts.joint_network(recipe, n_pids=4, pretrained=False).eval()
    fingerprint = recipes.fingerprint(recipe, n_pids=4, attributes=True, data="x")
    checkpoints.save({"model": network.state_dict(), "fingerprint": fingerprint}, tmp_path / "best.pt")
    again, settings = parts.trained_network(tmp_path)
    assert settings == recipe and not again.training
    picture = torch.rand(1, 3, 128, 64)
    with torch.inference_mode():
        assert torch.equal(again(picture).embedding, network(picture).embedding)


def test_a_strong_network_comes_back_with_its_priors(tmp_path):
    recipe = recipes.recipe("strong", logit_adjustment=0.5)
    priors = {task: torch.rand(len(classes)).softmax(0) for task, classes in TASKS.items()}
    network = parts.joint_network(recipe, n_pids=4, pretrained=False, priors=priors).eval()
    fingerprint = recipes.fingerprint(recipe, n_pids=4, attributes=True, data="x")
    checkpoints.save({"model": network.state_dict(), "fingerprint": fingerprint}, tmp_path / "best.pt")
    again, settings = parts.trained_network(tmp_path)
    assert settings == recipe
    picture = torch.rand(1, 3, 128, 64)
    with torch.inference_mode():
        ours, loaded = network(picture), again(picture)
    assert torch.equal(loaded.embedding, ours.embedding)
    assert all(torch.equal(loaded.attributes[task], ours.attributes[task]) for task in TASKS)


def test_the_strong_objective_is_its_losses_in_words():
    """Mean of the unweighted attribute cross-entropies, smoothed PID cross-entropy, batch-hard triplets before the neck."""
    torch.manual_seed(0)
    recipe = recipes.recipe("strong")
    network = parts.joint_network(recipe, n_pids=3, pretrained=False)
    output = network(torch.rand(6, 3, 64, 32))
    targets = torch.stack([torch.arange(6) % len(classes) for classes in TASKS.values()], dim=1)
    batch = Batch(torch.zeros(6, 3, 4, 4), targets, torch.arange(6) // 2, torch.arange(6))
    weights = {task: torch.rand(len(classes)) * 9 for task, classes in TASKS.items()}
    total, losses, _ = parts.joint_objective(recipe, weights, network, 3)(output, batch)
    entropies = [F.cross_entropy(output.attributes[task], targets[:, i]) for i, task in enumerate(TASKS)]
    torch.testing.assert_close(losses["attributes"], sum(entropies) / 12)
    distances = torch.cdist(*[F.normalize(output.metric)] * 2)
    same = batch.pids[:, None] == batch.pids
    farthest, nearest = distances.masked_fill(~same, 0).amax(1), distances.masked_fill(same, 9).amin(1)
    torch.testing.assert_close(losses["triplet"], F.relu(farthest - nearest + 0.3).mean(), rtol=1e-4, atol=1e-5)
    pid = F.cross_entropy(output.pid, batch.pids, label_smoothing=0.1)
    torch.testing.assert_close(total, losses["attributes"] + losses["triplet"] + pid)


def test_a_network_of_other_code_is_refused_in_one_sentence(tmp_path):
    recipe = recipes.recipe("smoke", pretrained=False)
    fingerprint = recipes.fingerprint(recipe, n_pids=4, attributes=True)
    checkpoints.save({"model": {"weight": torch.ones(2)}, "fingerprint": fingerprint}, tmp_path / "best.pt")
    with pytest.raises(
        ValueError, match=r"best.pt was saved by other code than this and does not fit; remove .* and train"
    ):
        parts.trained_network(tmp_path)
