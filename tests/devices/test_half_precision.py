"""The losses at the edges of float16: finite, with finite gradients, and what float32 makes of the same numbers."""

import pytest
import torch

from assignment_lib.losses import attribute, identity, multitask

HALF = torch.finfo(torch.float16)
SMALLEST = HALF.smallest_normal * HALF.eps  # of the subnormal numbers, 2 ** -24
CLASSES = 5
PIDS = torch.arange(8) // 2
TARGET = torch.arange(8) % CLASSES
SIGNS = torch.where(torch.randn(8, 16, generator=torch.Generator().manual_seed(0)) < 0, -1.0, 1.0)
TRUTH = torch.nn.functional.one_hot(TARGET, CLASSES) * 2.0 - 1
LOGITS = {
    "ordinary": SIGNS[:, :CLASSES] * torch.linspace(0, 3, 8)[:, None],
    "sure and right": TRUTH * HALF.max,
    "sure and wrong": -TRUTH * HALF.max,
    "large": TRUTH * 200,
    "all the largest": torch.full((8, CLASSES), HALF.max),
    "smallest": SIGNS[:, :CLASSES] * SMALLEST,
    "zero": torch.zeros(8, CLASSES),
}
EMBEDDINGS = {
    "ordinary": SIGNS * torch.linspace(0.1, 3, 16),
    "largest": SIGNS * HALF.max,
    "smallest": SIGNS * SMALLEST,
    "all zero": torch.zeros(8, 16),
    "one zero": SIGNS * (torch.arange(8) > 0)[:, None],
    "all the same": torch.ones(8, 16),
    "nearly the same": 1 + SIGNS * HALF.eps,
}


def check(loss, values):
    """`loss(values)` of float16 `values` is that of the same numbers in float32, as far as float16 can hold its gradient."""
    half = values.half().requires_grad_()
    single = half.detach().float().requires_grad_()
    ours, wanted = loss(half), loss(single)
    assert ours.dtype == torch.float32 and ours.isfinite()
    torch.testing.assert_close(ours, wanted, rtol=1e-6, atol=1e-7)
    ours.backward()
    wanted.backward()
    assert half.grad.isfinite().all() and single.grad.isfinite().all()
    torch.testing.assert_close(half.grad, single.grad.half(), rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("logits", LOGITS)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "unweighted"])
def test_focal_loss(logits, gamma, weighted):
    weight = torch.tensor([0.3, 44.6, 1.0, 0.0, 17.4]) if weighted else None  # 44.6: the rarest colour of Market-1501
    check(lambda values: attribute.focal_loss(values, TARGET, weight, gamma), LOGITS[logits])


def test_a_focus_between_nothing_and_one_learns_from_no_solved_image():
    """(1 - p)^gamma has an infinite slope at p = 1 for gamma < 1, where the loss itself is 0."""
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    attribute.focal_loss(logits, torch.tensor([0]), gamma=0.5).backward()
    assert torch.equal(logits.grad, torch.zeros(1, 2))


@pytest.mark.parametrize("logits", LOGITS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_pid_cross_entropy(logits, smoothing):
    check(lambda values: identity.pid_cross_entropy(values, TARGET, smoothing), LOGITS[logits])


IDENTITY = {
    **{
        f"triplet {mining} {margin}": lambda mining=mining, margin=margin: identity.TripletMargin(margin, mining)
        for mining in ("all", "semihard", "hard")
        for margin in (0.3, 1e-6)
    },
    "centroid 0.3": lambda: identity.CentroidTripletMargin(0.3),
    "centroid 1e-06": lambda: identity.CentroidTripletMargin(1e-6),
    "center": lambda: identity.CenterLoss(4, 16),
    "island": lambda: identity.CenterLoss(4, 16, island=1.0),
}


@pytest.mark.parametrize("embeddings", EMBEDDINGS)
@pytest.mark.parametrize("kind", IDENTITY)
def test_identity_losses(kind, embeddings):
    def loss(values):
        torch.manual_seed(0)  # the centres begin at random
        return IDENTITY[kind]()(values, PIDS)

    check(loss, EMBEDDINGS[embeddings])


@pytest.mark.parametrize("island", [0.0, 1.0])
def test_centres_stay_finite_where_every_embedding_is_zero(island):
    loss = identity.CenterLoss(4, 16, island=island)
    for _ in range(300):
        loss(torch.zeros(8, 16, dtype=torch.float16), PIDS)
    assert loss.centers.isfinite().all()


@pytest.mark.parametrize("kind", multitask.MULTITASKS)
@pytest.mark.parametrize("values", [(HALF.max, HALF.max, HALF.max), (SMALLEST, 1.0, HALF.max), (0.0, 0.0, SMALLEST)])
def test_multitask_wrappers(kind, values):
    """Three losses of 65504 already have a sum that float16 does not hold."""
    names = ("a", "b", "c")

    def total(losses):
        wrapper = multitask.multitask(kind, names)
        wrapper(
            dict(zip(names, (losses.detach().float() + 1).unbind(), strict=True))
        )  # some compare with the first batch
        return wrapper(dict(zip(names, losses.unbind(), strict=True))).total

    check(total, torch.tensor(values))
