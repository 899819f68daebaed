"""The pretended GPU behaves as one: else the tests that stand on it would show nothing."""

import pytest
import torch
from pretended_gpu import GPU


def test_values_are_kept_and_gradients_flow(gpu):
    weights = torch.randn(4, 3, requires_grad=True)
    there = weights.detach().to(GPU).requires_grad_()
    pictures = torch.randn(5, 4)
    (pictures @ weights).relu().square().sum().backward()
    (pictures.to(GPU) @ there).relu().square().sum().backward()
    assert there.device == there.grad.device == GPU
    assert torch.equal(there.grad.cpu(), weights.grad)


@pytest.mark.parametrize(
    "mixed",
    [
        lambda here, there: here + there,
        lambda here, there: torch.cat([here, there]),
        lambda here, there: there.index_add_(0, torch.tensor([0]), there[:1]),
        lambda here, there: here[there.long()],
        lambda here, there: torch.where(there > 0, here, there),
        lambda here, there: there.gather(0, here.long()),
    ],
)
def test_two_devices_do_not_mix(gpu, mixed):
    with pytest.raises(RuntimeError, match=r"two devices|on the GPU"):
        mixed(torch.ones(3), torch.ones(3).to(GPU))


def test_a_cpu_number_mixes_and_an_index_travels(gpu):
    there = torch.arange(3.0).to(GPU)
    assert (there * torch.tensor(2.0)).cpu().tolist() == [0, 2, 4]
    assert there[torch.tensor([2, 0])].cpu().tolist() == [2, 0]
    assert there.view(1, 3)[:, [0, 2]].cpu().tolist() == [[0, 2]]


def test_what_is_made_there_has_values(gpu):
    made = [torch.ones(2, device=GPU), torch.tensor([1.0, 1.0], device=GPU), torch.zeros(2, device=GPU).fill_(1)]
    assert all(values.device == GPU and values.tolist() == [1, 1] for values in made)


@pytest.mark.parametrize(
    ("read", "waits"),
    [
        (lambda values: values.sum().item(), 1),
        (lambda values: bool((values > 0).any()), 1),
        (lambda values: values.cpu(), 1),
        (lambda values: values.tolist(), 1),
        (lambda values: values.to("cpu", non_blocking=True), 0),
        (lambda values: values.nonzero(), 1),
        (lambda values: values[values > 0], 1),
        (lambda values: values.unique(), 1),
        (lambda values: values.repeat_interleave(values.long()), 1),
        (lambda values: torch.masked_select(values, values > 0), 1),
        (lambda values: values[torch.tensor([0])], 1),
        (lambda values: torch.tensor([1.0], device=GPU), 1),
        (lambda values: torch.ones(3).to(GPU), 1),
        (lambda values: torch.ones(3).to(GPU, non_blocking=True), 0),
        (lambda values: values.masked_fill(values > 0, 0.0), 0),
        (lambda values: values.index_select(0, values.long()), 0),
        (lambda values: torch.where(values > 0, values, 0.0), 0),
        (lambda values: values.sort().values.topk(2), 0),
    ],
)
def test_waits_are_counted(gpu, read, waits):
    values = torch.arange(3.0).to(GPU)
    gpu.waits.clear()
    read(values)
    assert sum(gpu.waits.values()) == waits, gpu.waits
