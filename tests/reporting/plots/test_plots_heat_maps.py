import pytest
import torch

from assignment_lib.reporting import plots

IMAGES = torch.full((3, 3, 8, 4), 100, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("maps", "limits"), [(torch.rand(3, 2, 1), (0, 1)), (torch.tensor([[[-3.0], [1]]] * 3), (-3, 3))]
)
def test_each_image_stands_above_itself_under_its_map(maps, limits):
    figure = plots.heat_map_sheet(IMAGES, maps, ["a", "b", "c"], columns=2, title="t", meaning="m")
    first, _, map_of_first, _, third, empty, map_of_third, _, bar = figure.axes
    assert [axes.get_title() for axes in (first, third)] == ["a", "c"] and not empty.images
    overlay = map_of_third.images[1]
    torch.testing.assert_close(torch.tensor(overlay.get_array()), maps[2])
    assert overlay.get_clim() == limits and map_of_first.images[1].get_clim() == limits, "one scale for all"
    assert overlay.get_extent() == [-0.5, 3.5, 7.5, -0.5], "over the whole image"
    assert bar.get_ylabel() == "m" and figure.get_suptitle() == "t"
