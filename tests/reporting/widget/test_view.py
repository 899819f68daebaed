from datetime import UTC, datetime
from io import BytesIO

import pytest
import torch
from ipywidgets import HTML, Button, Checkbox, Dropdown, FileUpload, FloatSlider, Text
from PIL import Image
from small_gallery import made_up

from assignment_lib.models.joint import JointConvNet
from assignment_lib.reporting import widget
from assignment_lib.reporting.widget.style import STYLE

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Box:
    """The widget, and its parts by what is written on them."""

    def __init__(self, **options):
        sides, look, _ = made_up(**options)
        self.parts = list(self.walk(widget.play(sides, look)))

    @classmethod
    def over(cls, sides, looks):
        box = cls.__new__(cls)
        box.parts = list(box.walk(widget.play(sides, looks)))
        return box

    def walk(self, box):
        for child in getattr(box, "children", ()):
            yield child
            yield from self.walk(child)

    def part(self, kind, description):
        return next(part for part in self.parts if isinstance(part, kind) and part.description == description)

    def click(self, description):
        self.part(Button, description).click()

    def text(self, within=""):
        texts = [part.value for part in self.parts if isinstance(part, HTML) and part.value != STYLE]
        return "".join(text for text in texts if within in text)

    @property
    def sentence(self):
        return self.text("qr-sentence")


def test_buttons_lead_from_query_to_query():
    box = Box()
    for description, expected in (
        ("Next ▶", "Query 2 of"), ("◀ Previous", "Query 1 of"), ("Query 5", "Query 5 of"), ("Result 3", "Gallery image"),
        ("Next ▶", "Query 6 of"), ("Hardest", "Query "), ("Random", "Query "),
    ):  # fmt: skip
        box.click(description)
        assert expected in box.sentence, description


def test_thumbnails_follow():
    box = Box()
    box.part(FloatSlider, "Threshold")
    next(part for part in box.parts if part.__class__.__name__ == "IntSlider").value = 20
    assert "Query 20 of" in box.sentence and "Query 20, chosen" in box.text("qr-thumb")
    box.click("Query 2")
    assert "Query 18 of" in box.sentence


def test_the_threshold_is_live():
    box = Box(likeness=0.3)
    before = box.text("qr-figures")
    box.part(FloatSlider, "Threshold").value = 0.05
    assert box.text("qr-figures") != before and "the threshold 0.05" in box.sentence
    box.part(FloatSlider, "Threshold").value = 1.0
    assert box.text('aria-label="Results"').count("qr-below") == 20 + 1 - 1
    assert "Missed matches: " in box.text("<h4>")


@pytest.mark.parametrize(("name", "kind", "value"), [
    ("Mirror images", Checkbox, True), ("Whitening", Checkbox, True), ("Re-ranking", Checkbox, True),
    ("Camera", Dropdown, 2), ("Only", Dropdown, ("gender", "female")), ("Words", Text, "woman, hat"),
])  # fmt: skip
def test_each_control_changes_the_results(name, kind, value):
    box = Box(dimensions=16, likeness=0.3)
    before = box.text('aria-label="Results"')
    box.part(kind, name).value = value
    assert box.text('aria-label="Results"') != before and "qr-trouble" not in box.text()


def test_recipes_are_switched_between():
    sides, report, _ = made_up(dimensions=16, likeness=0.3)
    _, strong, _ = made_up(dimensions=24, likeness=0.6)
    box = Box.over(sides, {"report": report, "strong": strong})
    first = box.text('aria-label="Results"')
    network = box.part(Dropdown, "Network")
    assert network.options == ("report", "strong")
    network.value = "strong"
    second = box.text('aria-label="Results"')
    assert second != first and "Query 1 of" in box.sentence
    box.click("Next ▶")
    box.click("◀ Previous")
    assert box.text('aria-label="Results"') == second
    network.value = "report"
    assert box.text('aria-label="Results"') == first
    assert not any(isinstance(part, Dropdown) and part.description == "Network" for part in Box().parts)


def test_no_filter_is_a_word_that_is_seen():
    box = Box()
    before = box.text('aria-label="Results"')
    for name, value in (("Only", ("gender", "female")), ("Camera", 2)):
        filtering = box.part(Dropdown, name)
        assert (filtering.value, filtering.label) == ("any", "any")
        filtering.value = value
        filtering.value = "any"
    assert box.text('aria-label="Results"') == before


def test_a_step_that_cannot_be_taken_says_why_and_nothing_moves():
    box = Box()
    before = box.text('aria-label="Results"')
    box.part(Text, "Words").value = "a martian"
    assert 'role="alert">not understood: a martian' in box.text("qr-trouble")
    assert box.text('aria-label="Results"') == before
    box.click("Next ▶")
    assert "qr-trouble" not in box.text() and "Query 2 of" in box.sentence


def test_results_beside_the_query():
    def heat(left, right):
        return torch.eye(4), torch.ones(2, 2)

    box = Box(heat=heat)
    box.part(Dropdown, "A click").value = "compares it with the query"
    box.click("Result 2")
    assert "speak for the match" in box.text("qr-beside") and "Query 1 of" in box.sentence
    box.part(Dropdown, "Heat of").value = "hat"
    assert "paints no heat" in box.text("qr-beside")


def test_heat_of_a_network():
    box = Box(dimensions=1280, network=JointConvNet("efficientnet_lite0", 0, pretrained=False))
    box.part(Dropdown, "A click").value = "compares it with the query"
    box.click("Result 1")
    match = box.text("qr-beside")
    assert "speak for the match" in match
    box.part(Dropdown, "Heat of").value = "upcolor"
    assert "what is said of upcolor" in box.text("qr-beside") and box.text("qr-beside") != match


def test_a_picture_of_ones_own():
    box = Box(dimensions=1280, network=JointConvNet("efficientnet_lite0", 0, pretrained=False))
    file = BytesIO()
    Image.new("RGB", (70, 140), "tomato").save(file, "PNG")
    upload = box.part(FileUpload, "Your picture")

    def give(name, content):
        upload.value = ({"name": name, "type": "", "size": len(content), "content": content, "last_modified": NOW},)

    give("bad.png", b"no picture")
    assert "bad.png is not a picture" in box.text("qr-trouble")
    give("me <i>.png", file.getvalue())
    assert "Your picture me &lt;i&gt;.png: " in box.sentence
    assert "Nobody knows" in box.text("qr-none")


def test_right_and_wrong_are_not_told_where_nobody_knows():
    box = Box(known=False)
    assert "Nobody knows" in box.text() and "qr-right" not in box.text('aria-label="Results"')
    box.click("Hardest")
    assert "Query " in box.sentence


def test_results_that_are_not_there_cannot_be_clicked():
    box = Box()
    box.part(Dropdown, "Only").value = ("upcolor", "purple")
    box.part(Dropdown, "Camera").value = 1
    shown = box.text('aria-label="Results"').count("<img")
    assert 0 < shown < 20 and f"nth-child(n+{shown + 1})" in box.text('aria-label="Results"')
    before = box.sentence
    box.click("Result 20")
    assert box.sentence == before
