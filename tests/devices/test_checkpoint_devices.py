"""A checkpoint goes from a GPU to the CPU and from the CPU to a GPU."""

import pytest
import torch
from pretended_gpu import GPU, OnGpu
from small_run import one_epoch, small_run
from torch.utils._pytree import tree_leaves

from assignment_lib.training import checkpoints, parts, recipes
from assignment_lib.training.epoch import begin_epoch


@pytest.fixture
def saved_on_a_gpu(monkeypatch):
    """`saved_on_a_gpu(write)`: calls `write()`, and what torch saves in it says that it comes from "cuda:0"."""

    def once(write):
        with monkeypatch.context() as patch:
            patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
            write()

    return once


@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU nothing is in the way")
def test_the_tag_is_what_stops_torch(tmp_path, saved_on_a_gpu):
    saved_on_a_gpu(lambda: torch.save({"a": torch.ones(2)}, tmp_path / "x.pt"))
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
        torch.load(tmp_path / "x.pt", weights_only=True)


def test_a_whole_checkpoint_of_a_gpu_goes_on_here(tmp_path, saved_on_a_gpu):
    run, batches = small_run(torch.device("cpu"), tmp_path, ema_decay=0.9, scaler=True)
    one_epoch(run, batches)
    saved_on_a_gpu(lambda: run.save(begin_epoch(run.objective, batches)))
    state = checkpoints.load_last(tmp_path, {})
    state["random"]["cuda"] = [torch.get_rng_state()]  # a GPU's states, where there is none or they are several
    assert {part.device.type for part in tree_leaves(state) if isinstance(part, torch.Tensor)} == {"cpu"}
    again, batches = small_run(torch.device("cpu"), tmp_path, ema_decay=0.9, scaler=True)
    assert again.restore(state).step == 0
    for name, part in again.parts().items():
        ours, wanted = tree_leaves(part.state_dict()), tree_leaves(run.parts()[name].state_dict())
        assert all(
            torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in zip(ours, wanted, strict=True)
        )
    one_epoch(again, batches)


def test_a_trained_network_of_a_gpu_is_used_here(tmp_path, saved_on_a_gpu):
    recipe = recipes.recipe("smoke", backbone="test_efficientnet", pretrained=False)
    network = parts.joint_network(recipe, n_pids=4)
    marks = recipes.fingerprint(recipe, n_pids=4, attributes=True, data="x")
    saved_on_a_gpu(
        lambda: checkpoints.save({"model": network.state_dict(), "fingerprint": marks}, tmp_path / "best.pt")
    )
    again, _ = parts.trained_network(tmp_path)
    assert all(
        torch.equal(a, b) for a, b in zip(again.state_dict().values(), network.state_dict().values(), strict=True)
    )


@pytest.mark.filterwarnings("ignore:.*which is a no-op")  # torch knows the meta device without values alone
def test_a_checkpoint_of_the_cpu_goes_on_there(gpu, tmp_path):
    """Everything that the next step mixes with the weights has to be where they are."""
    # one batch an epoch: AdamW makes a whole step of what is rounding
    options = {"ema_decay": 0.9, "scaler": True, "loss": "island", "weighting": "balanced", "count": 8}
    run, batches = small_run(torch.device("cpu"), tmp_path, **options)
    one_epoch(run, batches)
    epoch = begin_epoch(run.objective, batches)
    epoch.names, epoch.sums, epoch.finite_norms, epoch.step = ["loss"], torch.ones(1), torch.ones(()), 2
    run.save(epoch)
    there, batches = small_run(GPU, tmp_path, **options)
    begun = there.restore(checkpoints.load_last(tmp_path, {}))
    assert isinstance(begun.sums, OnGpu) and isinstance(begun.finite_norms, OnGpu) and begun.step == 2
    state = there.optimizer.state_dict()["state"]
    assert state and all(isinstance(part, OnGpu) for part in tree_leaves(state))
    stored = [*there.model.state_dict().values(), *there.objective.state_dict().values()]
    assert all(isinstance(part, OnGpu) for part in stored)
    for ours, wanted in zip(
        stored, [*run.model.state_dict().values(), *run.objective.state_dict().values()], strict=True
    ):
        torch.testing.assert_close(ours.cpu(), wanted, rtol=0, atol=0, equal_nan=True)
    row = one_epoch(there, batches)
    # the same epoch on the CPU, from where the checkpoint was written
    again, batches = small_run(torch.device("cpu"), tmp_path, **options)
    again.restore(checkpoints.load_last(tmp_path, {}))
    assert row["loss"] == pytest.approx(one_epoch(again, batches)["loss"], rel=1e-4)
