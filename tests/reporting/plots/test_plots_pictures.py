import io

import pytest
import torch
from PIL import Image

from assignment_lib.reporting import plots


def test_an_image_for_a_widget():
    image = torch.zeros(3, 16, 8, dtype=torch.uint8)
    image[0] = 255
    picture = Image.open(io.BytesIO(plots.as_png(image, height=32)))
    assert picture.size == (16, 32) and picture.getpixel((5, 5)) == (255, 0, 0)


def test_an_image_sheet_can_be_drawn():
    plots.image_sheet([torch.zeros(3, 16, 8, dtype=torch.uint8)] * 7, ["x"] * 7, columns=3).canvas.draw()


@pytest.mark.parametrize("identities", [1, 3])
def test_an_identity_sheet_can_be_drawn(make_table, identities):
    table = make_table(20, 3)
    images = torch.zeros(len(table), 3, 16, 8, dtype=torch.uint8)
    plots.identity_sheet(images, table, table["pid"].unique()[:identities], most=2).canvas.draw()
