import pytest
from matplotlib.patches import FancyBboxPatch

from assignment_lib.reporting import plots
from assignment_lib.training.recipes import recipe


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (
            {},
            [
                "3 × 128 × 64",
                "1×1 convolution to 128",
                "average pooling\nembedding",
                "focal (γ = 2)",
                "ImageNet weights",
            ],
        ),
        ({"image_size": (256, 128), "head": "fc", "head_hidden": 99}, ["3 × 256 × 128", "linear 99", "JointNet:"]),
        ({"head": "attention", "pooling": "gem"}, ["self-attention", "generalized-mean pooling"]),
        ({"head": "parts", "neck": "bn", "frozen_stages": 2}, ["stripes of 128", "BNNeck", "stem and 2 stages frozen"]),
        (
            {"pretrained": False, "gamma": 0.0, "pid_loss": False},
            ["from scratch", "losses: cross-entropy on attributes, trip"],
        ),
    ],
)
def test_the_architecture_is_that_of_the_recipe(settings, wanted):
    figure = plots.architecture("resnet18", (512, 4, 2), 512, 1234, recipe("report", **settings))
    together = "\n".join(texts(figure))
    for words in (*wanted, "512 × 4 × 2", "1,234 logits", "41 logits"):
        assert words in together, words


def test_without_a_recipe_nothing_is_claimed_of_it():
    together = "\n".join(texts(plots.architecture("resnet18", (512, 4, 2), 553, 10)))
    assert "128 ×" not in together and "losses" not in together and "+ 41 attribute probabilities" in together


def test_texts_are_inside_their_boxes_and_what_is_dropped_is_dashed():
    settings = recipe("strong", head="parts", pooling="gem", embedding="concatenated")
    figure = plots.architecture("a_very_long_name_of_a_backbone", (1280, 8, 4), 1321, 100_000, settings)
    figure.canvas.draw()
    axes = figure.axes[0]
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    inside = [text for text in axes.texts if text.get_ha() == "center" and text.get_text()]
    assert len(boxes) == len(inside) == 8
    for box, text in zip(boxes, inside, strict=True):
        outer, inner = box.get_window_extent().extents, text.get_window_extent().extents
        assert (outer[:2] <= inner[:2]).all() and (inner[2:] <= outer[2:]).all(), text.get_text()
    dashed = [text.get_text() for box, text in zip(boxes, inside, strict=True) if box.get_linestyle() == "--"]
    assert dashed == ["PID classifier\n100,000 logits"]
