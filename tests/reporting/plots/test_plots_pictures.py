import pytest
import torch

from assignment_lib.reporting import plots


def test_an_image_sheet_can_be_drawn():
    plots.image_sheet([torch.zeros(3, 16, 8, dtype=torch.uint8)] * 7, ["x"] * 7, columns=3).canvas.draw()


def test_junk_and_distractors_are_marked_and_others_named():
    images = [torch.zeros(3, 16, 8, dtype=torch.uint8)] * 4
    figure = plots.image_sheet(images, columns=4, title="four", pids=[-1, 0, 12, -2])
    assert [axes.get_xlabel() for axes in figure.axes] == ["junk", "distractor", "person 12", "unknown"]
    framed = [axes.spines["top"].get_visible() for axes in figure.axes]
    assert framed == [True, True, False, False] and figure.get_suptitle() == "four"


@pytest.mark.parametrize("identities", [1, 3])
def test_an_identity_sheet_can_be_drawn(make_table, identities):
    table = make_table(20, 3)
    images = torch.zeros(len(table), 3, 16, 8, dtype=torch.uint8)
    figure = plots.identity_sheet(images, table, table["pid"].unique()[:identities], most=2)
    figure.canvas.draw()
    people = "1 person" if identities == 1 else "3 people"
    assert figure.get_suptitle() == f"{3 * identities} images of {people}, each by 3 cameras"
    assert figure.axes[0].get_ylabel() == f"person {table['pid'][0]}\n3 images"
