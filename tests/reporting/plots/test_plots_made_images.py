import pytest
import torch

from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation
from assignment_lib.reporting import plots
from assignment_lib.retrieval.junk import background_crops

IMAGE = torch.randint(256, (3, 16, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def drawn(axes):
    return torch.from_numpy(axes.images[0].get_array().data.copy()).permute(2, 0, 1)


def test_each_transform_has_a_column_of_draws():
    figure = plots.transforms_sheet(IMAGE, Augmentation(flip=0.25), draws=2)
    first = figure.axes[: len(TRANSFORMS) + 2]
    titles = [axes.get_title() for axes in first]
    assert [title.split("\n")[0] for title in titles] == [
        "original", *(name.replace("_", " ") for name in TRANSFORMS), "all seven",
    ]  # fmt: skip
    assert titles[1 + TRANSFORMS.index("flip")].endswith("25 % of images")
    flipped = first[1 + TRANSFORMS.index("flip")]
    assert drawn(first[0]).equal(IMAGE)
    torch.testing.assert_close(drawn(flipped), IMAGE.flip(2).float() / 255)
    assert len([axes for axes in figure.axes if axes.images]) == 2 * len(first) - 1


def test_a_seed_gives_one_sheet():
    sheets = [plots.transforms_sheet(IMAGE, draws=1, seed=seed).axes[-1] for seed in (3, 3, 4)]
    assert drawn(sheets[0]).equal(drawn(sheets[1])) and not drawn(sheets[0]).equal(drawn(sheets[2]))


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_margins_are_marked_where_the_crops_come_from(share):
    images = torch.stack([IMAGE, IMAGE.flip(1)])
    figure = plots.background_sheet(images, share)
    crops = background_crops(images, share)
    shown = [drawn(axes) for axes in figure.axes]
    assert all(picture.equal(wanted) for picture, wanted in zip(shown[2:], crops, strict=True))
    left, right = figure.axes[0].patches
    margin = round(share * 8)
    assert left.get_xy() == (-0.5, -0.5) and right.get_xy() == (8 - margin - 0.5, -0.5)
    assert left.get_width() == right.get_width() == margin
