import pytest
import torch
import torch.nn.functional as F
from torch import nn

from assignment_lib.training import costs
from assignment_lib.training.costs import Cost
from assignment_lib.training.recipes import recipe


def test_a_line_through_two_batches():
    image, rest = costs.line(Cost(110, 30, 8, 5), Cost(210, 50, 16, 5), (10, 20))
    assert image == Cost(10, 2, 0.8, 0) and rest == pytest.approx(Cost(10, 10, 0, 5))


def test_a_matrix_product_by_hand():
    layer, given = nn.Linear(5, 7, bias=False), torch.rand(3, 5)
    with torch.no_grad():
        found = costs.count(lambda: F.linear(given, layer.weight))
    assert found.flops == 2 * 3 * 5 * 7
    assert found.traffic == 4 * (3 * 5 + 5 * 7 + 3 * 7)
    assert found.kept == 0 and found.operations == 1


@pytest.mark.parametrize("groups", [1, 4, 8])
def test_a_convolution_costs_three_times_as_much_with_its_gradients(groups):
    layer = nn.Conv2d(8, 16, 3, groups=groups, bias=False)
    given = torch.rand(2, 8, 6, 5, requires_grad=True)
    forward = 2 * 2 * (4 * 3) * 16 * (8 // groups) * 9
    assert costs.count(lambda: layer(given)).flops == forward
    assert costs.count(lambda: layer(given).sum().backward()).flops == 3 * forward
    alone = given.detach()  # the first layer of a network: nobody asks for the gradient of its images
    assert costs.count(lambda: layer(alone).sum().backward()).flops == 2 * forward


def test_what_is_kept_for_the_backward_pass():
    given = torch.rand(10, 4, requires_grad=True)
    # exp keeps its result, which the product then keeps too; views keep nothing of their own
    assert costs.count(lambda: (given.exp().view(40) * 2.0).exp()).kept == 2 * 40 * 4
    weight = nn.Parameter(torch.rand(4, 4))
    assert costs.count(lambda: given.detach() @ weight).kept == 10 * 4 * 4  # weights are there anyway


def test_in_place_work_is_read_and_written_and_views_are_free():
    given = torch.rand(10)
    found = costs.count(lambda: given.view(2, 5).add_(1.0))
    assert found.traffic == 2 * 40 and found.operations == 1


@pytest.mark.slow
def test_a_recipe_s_costs():
    plain = recipe("report", backbone="resnet10t", pretrained=False, image_size=(64, 32))
    of = costs.costs(plain, identities=10)
    twice = costs.costs(recipe("report", backbone="resnet10t", pretrained=False, image_size=(128, 32)), identities=10)
    assert twice.predicted.flops == pytest.approx(2 * of.predicted.flops, rel=0.01)
    assert 2.5 * of.predicted.flops < of.image.flops < 3.05 * of.predicted.flops
    assert twice.image.kept > 1.8 * of.image.kept
    frozen = costs.costs(
        recipe("report", backbone="resnet10t", pretrained=False, image_size=(64, 32), frozen_stages=2), 10
    )
    assert frozen.image.flops < 0.9 * of.image.flops and frozen.state < of.state
    assert frozen.predicted.flops == of.predicted.flops
