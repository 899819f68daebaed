import torch
import torch.nn.functional as F
from ipywidgets import HTML, Dropdown, FloatSlider, Image, IntSlider

from assignment_lib import retrieval
from assignment_lib.reporting import widget
from assignment_lib.reporting.plots import as_png


def parts(box):
    """All widgets inside a box, in order."""
    found = []
    for child in box.children:
        found += [child, *(parts(child) if hasattr(child, "children") else [])]
    return found


def make(threshold=0.0):
    generator = torch.Generator().manual_seed(0)
    query, gallery = (F.normalize(torch.randn(n, 4, generator=generator)) for n in (3, 12))
    images = torch.randint(0, 256, (12, 3, 16, 8), dtype=torch.uint8, generator=generator)
    ranking = retrieval.rank(query, gallery)
    names = [f"{i:06d}.jpg" for i in range(12)]
    box = widget.query_retrieval(ranking, images[:3], images, names[:3], names, threshold, lambda i: f"person {i}")
    return box, ranking, images


def control(box, kind, index=0):
    return [part for part in parts(box) if isinstance(part, kind)][index]


def results(box):
    return box.children[-1].children


def test_a_query_shows_its_nearest_images_in_order():
    box, ranking, images = make()
    control(box, Dropdown).value = 2
    shown = [part.value for part in parts(box.children[-1]) if isinstance(part, Image)]
    passed = int((ranking.similarity[2] >= 0).sum())
    assert shown == [as_png(images[i]) for i in ranking.order[2, : min(5, passed)]]
    assert "person 2" in box.children[1].value and "000002.jpg" in box.children[1].value


def test_the_threshold_ends_the_list():
    box, ranking, _ = make()
    control(box, IntSlider).value = 10
    control(box, FloatSlider).value = 0.5
    passed = int((ranking.similarity[0] >= 0.5).sum())
    assert len(results(box)) == passed < 10
    assert f"{passed} of 12 images reach the threshold 0.50" in box.children[1].value


def test_the_depth_limits_what_is_shown():
    box, _, _ = make()
    control(box, FloatSlider).value = 0.0
    control(box, IntSlider).value = 1
    assert len(results(box)) == 1


def test_an_order_of_its_own_shows_those_that_pass():
    """Re-ranked lists do not end where the similarity first falls below the threshold."""
    ranking = retrieval.Ranking(torch.tensor([[2, 0, 1]]), torch.tensor([[0.1, 0.9, 0.4]]))
    images = torch.zeros(3, 3, 16, 8, dtype=torch.uint8)
    box = widget.query_retrieval(ranking, images[:1], images, ["q.jpg"], ["a.jpg", "b.jpg", "c.jpg"], 0.3)
    words = [part.value for part in parts(box.children[-1]) if isinstance(part, HTML)]
    assert words == ["a.jpg<br>similarity 0.900", "b.jpg<br>similarity 0.400"]


def test_pictures_keep_their_shape():
    """In a box an image of open width is stretched to the width of the page."""
    box, _, _ = make()
    layouts = [part.layout for part in parts(box) if isinstance(part, Image)]
    assert len(layouts) > 1 and all((layout.width, layout.height) == ("80px", "160px") for layout in layouts)


def test_what_is_handed_in_can_be_looked_at():
    _, ranking, images = make()
    names = [f"{i:06d}.jpg" for i in range(12)]
    answers = {"list": [torch.tensor([7, 2])] * 3, "set": [torch.tensor([], dtype=torch.int64)] * 3}
    box = widget.query_retrieval(ranking, images[:3], images, names[:3], names, 0.0, answers=answers)
    answer = control(box, Dropdown, 1)
    assert answer.options == ("threshold", "list", "set")
    answer.value = "list"
    shown = [part.value for part in parts(box.children[-1]) if isinstance(part, Image)]
    assert shown == [as_png(images[7]), as_png(images[2])] and control(box, FloatSlider).disabled
    similarity = float(ranking.similarity[0][ranking.order[0] == 7])
    assert f"{similarity:.3f}" in next(part.value for part in parts(box.children[-1]) if isinstance(part, HTML))
    answer.value = "set"
    assert results(box) == () and "the set that is handed in holds 0 of 12 images" in box.children[1].value
    answer.value = "threshold"
    assert len(results(box)) > 0 and not control(box, FloatSlider).disabled
