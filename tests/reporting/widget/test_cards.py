from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting.widget import cards, curve, panel, pictures
from assignment_lib.reporting.widget.counts import Counts
from assignment_lib.reporting.widget.finding import NOT_COUNTED, RIGHT, UNKNOWN, WRONG
from assignment_lib.reporting.widget.playground import Page, Said, Shown

CLASSES = np.array([2, 1, 0, 0, 1, 0, 0, 1, 0, 1, 2, 6])
SAID = Said(CLASSES, np.full(12, 0.75), np.where(np.arange(12) == 10, 3, CLASSES))
SHOWN = Shown(7, 3, 0.8125, 0.93, RIGHT, True, "0001_c2<b>.jpg", 2, "data:,", SAID)


class Images(HTMLParser):
    """The `alt` of each image; fails where tags are not closed."""

    def __init__(self, text):
        super().__init__()
        self.alts, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.alts.append(dict(attributes)["alt"])
        elif tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("verdict", [RIGHT, WRONG, NOT_COUNTED])
def test_a_verdict_is_a_frame_a_mark_and_words(verdict):
    text = cards.card(SHOWN._replace(verdict=verdict))
    kind, mark, meaning = cards.VERDICTS[verdict]
    assert kind in text and f">{mark}</span>" in text and meaning.split(":")[0] in Images(text).alts[0]
    assert len({found for found, _, _ in cards.VERDICTS.values()}) == len(cards.VERDICTS)


def test_a_card_says_rank_similarity_probability_and_attributes():
    text = cards.card(SHOWN)
    assert "<b>3</b> 0.81" in text and "p 93%" in text and "cam 2" in text
    assert "<b>≠</b> <s>red top" in text and "<em>purple top</em>" in text
    assert "blue bottom" in text and "backpack" in text and "no hat" not in text
    assert Images(text).alts == ["Rank 3, the same person, similarity 0.81, adult, backpack, pants, long trousers, "
                                 "long sleeves, long hair, female, red top, blue bottom"]  # fmt: skip
    plain = cards.card(SHOWN._replace(verdict=UNKNOWN, same=float("nan"), within=False))
    assert "qr-below" in plain and "p " not in plain.split("qr-file")[0].split("0.81")[1]
    assert "not in the answer" in Images(plain).alts[0]


def test_names_of_files_are_no_html():
    assert "<b>.jpg" not in cards.card(SHOWN)
    page = Page(None, "", [], [], 0, Counts(0, 0, 0, 0, False), 1, pd.DataFrame())
    assert "&lt;script&gt;" in panel.asked(page, "<script>")


def test_every_class_has_words():
    said = {cards.words(task, name) for task, names in TASKS.items() for name in names}
    assert {"no hat", "handbag", "multicolor top", "short hair", "dress", "old"} <= said
    assert cards.attributes(Said(np.full(12, -1), np.zeros(12), np.full(12, -1))) == ""


def test_rows_of_cards():
    assert Images(cards.cards([SHOWN, SHOWN], "Results")).alts == [cards.alternative(SHOWN)] * 2
    assert cards.cards([], "Results") == '<p class="qr-none">Results: none.</p>'
    alts = Images(cards.thumbnails([SHOWN, SHOWN._replace(place=8)], 8)).alts
    assert alts[0].startswith("Query 8: ") and alts[1].startswith("Query 9, chosen: ")


def test_figures_of_this_query_and_of_all():
    mine = pd.DataFrame({"threshold": [0.9, 0.5], "precision": [1.0, 0.5], "recall": [0.5, 1.0]})
    everyone = pd.DataFrame({"threshold": [0.0, 0.5, 1.0], "precision": [0.1, 0.4, 1], "recall": [1, 0.6, 0.0],
                             "f1": [0.2, 0.48, 0], "set_size": [9, 3.5, 0]})  # fmt: skip
    page = Page(SHOWN, "", [], [], 0, Counts(4, 2, 1, 3, True), 1, mine)
    text = panel.figures(page, everyone, 0.52)
    Images(text)
    assert "<small>2 ✓ 1 ✗ of 3</small></th><td>0.67</td><td>0.67</td><td>0.67</td>" in text
    assert "<small>3.5 images</small></th><td>0.40</td><td>0.60</td><td>0.48</td>" in text
    assert 'class="qr-here"' in text and 'class="qr-all"' in text
    assert "all queries" not in panel.figures(page, everyone, None).split("</table>")[0]
    assert "dashed" in panel.figures(page, everyone, None)
    assert "Nobody knows" in panel.figures(page._replace(counts=Counts(4, 0, 0, 0, False)), None, 0.5)


def test_the_point_moves_along_the_curve():
    mine = pd.DataFrame({"precision": [1.0], "recall": [0.5]})
    low, high = (curve.precision_recall(mine, None, point, None) for point in ((0.0, 1.0), (1.0, 0.0)))
    assert 'cx="26.0" cy="4.0"' in low and 'cx="186.0" cy="164.0"' in high
    assert "recall 1.00 and precision 0.00" in high


def test_two_pictures_beside_each_other():
    text = panel.beside((SHOWN, "data:1", "Query"), (SHOWN, "data:2", "Result"), "a note")
    assert len(Images(text).alts) == 2 and "a note" in text and "data:2" in text


def test_heat_is_bright_where_the_map_is_high():
    image = torch.full((3, 16, 8), 128, dtype=torch.uint8)
    heat = torch.zeros(4, 2)
    heat[3, 1] = 2.0
    painted = pictures.with_heat(image, heat)
    assert painted.shape == image.shape and painted.dtype == torch.uint8
    brightness = painted.float().mean(0)
    assert brightness[-1, -1] == brightness.max() > 1.5 * brightness[0, 0]
    assert pictures.with_heat(image, torch.ones(4, 2)).float().std(dim=(1, 2)).max() == 0


def test_large_pictures_are_made_smaller():
    small, large = (pictures.data_uri(torch.zeros(3, height, height // 2, dtype=torch.uint8)) for height in (256, 1024))
    assert large == small


def test_a_card_says_what_fits_the_wrong_first():
    said = Said(np.zeros(12, np.int64), np.full(12, 0.5), np.array([1, *[0] * 8, 1, 0, 1]))
    items = cards.attributes(said).split("<li")[1:]
    assert len(items) == 4 and all("qr-differs" in item for item in items[:3])
    assert "qr-differs" not in items[3] and cards.attributes(said, everything=True).count("<li") == 12
    all_wrong = said._replace(true=np.ones(12, np.int64))
    assert cards.attributes(all_wrong).split("<li")[-1].startswith(">… 9 more")
