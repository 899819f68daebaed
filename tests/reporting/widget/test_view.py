import re
from datetime import UTC, datetime
from io import BytesIO

import pytest
import torch
from ipywidgets import FileUpload
from made_up_retrieval import made_up
from PIL import Image

from assignment_lib.reporting import widget
from assignment_lib.reporting.widget import state as states
from assignment_lib.reporting.widget.view import View


def text(html):
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def header(view):
    return text(view.texts["header"].value)


def parts(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


def button(view, description):
    return next(part for part in parts(view.box) if getattr(part, "description", "") == description)


def test_buttons_step_through_queries():
    view = View(made_up())
    steps = [
        ("Next ▶", "Query 2 of 12"), ("◀ Previous", "Query 1 of 12"), ("◀ Previous", "Query 12 of 12"),
        ("Thumbnail 1", "Query 11 of"), ("Result 2", "Gallery image"), ("Next ▶", "Query 12 of"), ("Hardest", "Query "),
        ("Random", "Query "),
    ]  # fmt: skip
    for description, expected in steps:
        button(view, description).click()
        assert header(view).startswith(expected), description


def test_hardest_queries_come_in_order():
    view = View(made_up(likeness=0.3))
    expected = states.hardest_queries(view.retrieval, "similarity").tolist()
    view.act(states.search, "query", expected[0])
    shown = []
    for _ in range(12):
        button(view, "Hardest").click()
        shown.append(view.state.query)
    assert shown == [*expected[1:], expected[0]]
    view = View(made_up(gallery_table=view.retrieval.gallery_table.assign(pid=0)))
    button(view, "Hardest").click()
    assert "true match" in view.message.value


def test_counts_equal_the_marks_on_all_pages():
    view = View(made_up(likeness=0.3, thresholds={"similarity": 0.15, "reranked": 0.0}))
    marks = ""
    for _ in range(99):
        marks += view.tiles["results"].html.value
        if view.forward.disabled:
            break
        view.forward.click()
    for kind, words in (("qr-match", "correct"), ("qr-wrong", "wrong"), ("qr-excluded", "not scored")):
        assert re.search(rf"(\d+) {words}", header(view))[1] == str(marks.count(f'class="qr-card {kind}"'))
    assert re.search(r"\d+–(\d+) of (\d+)", view.texts["pages"].value).groups() == (str(marks.count("<img")),) * 2
    view.inputs["threshold"].value = 0.9
    missed = int(re.search(r"(\d+) missed", header(view))[1])
    assert view.tiles["missed"].html.value.count("<img") == missed > 0


@pytest.mark.parametrize(("name", "value"), [
    ("reranking", True), ("length", 10), ("threshold", 0.9), ("camera", 2), ("attribute", ("gender", "female")),
    ("words", "woman, hat"), ("show_attributes", True), ("show_heat", True),
])  # fmt: skip
def test_each_control_changes_the_results(name, value):
    view = View(made_up(network=True, likeness=0.5, thresholds={"similarity": 0.1, "reranked": 0.1}))
    before = view.tiles["results"].html.value
    view.inputs[name].value = value
    assert view.tiles["results"].html.value != before and not view.message.value


def test_every_control_has_a_tooltip_and_every_image_a_text():
    view = View(made_up())
    controls = [part for part in parts(view.box) if getattr(part, "description", "")]
    assert len(controls) > 60
    assert all(getattr(control, "tooltip", "") or control.description_tooltip for control in controls)
    for tiles in view.tiles.values():
        assert tiles.html.value.count("<img") == len(re.findall(r'alt="[^"]+"', tiles.html.value))


def test_an_error_changes_nothing_and_says_why(monkeypatch):
    view = View(made_up())
    before = view.state, view.tiles["results"].html.value
    view.inputs["words"].value = "a martian"
    assert "martian" in view.message.value and 'role="alert"' in view.message.value
    assert (view.state, view.tiles["results"].html.value) == before and view.inputs["words"].value == ""

    def fails(*_):
        raise RuntimeError("<out of memory>")

    with monkeypatch.context() as patch:
        patch.setattr(states, "find", fails)
        view.inputs["reranking"].value = True
    assert "RuntimeError: &lt;out of memory&gt;" in view.message.value
    assert (view.state, view.tiles["results"].html.value) == before and not view.inputs["reranking"].value
    button(view, "Next ▶").click()
    assert not view.message.value and header(view).startswith("Query 2")


def test_an_uploaded_photo():
    view = View(made_up(network=True))
    file = BytesIO()
    Image.new("RGB", (70, 140), "tomato").save(file, "PNG")

    def give(name, content):
        file = {"name": name, "type": "", "size": len(content), "content": content}
        view.upload.value = (file | {"last_modified": datetime(2026, 1, 1, tzinfo=UTC)},)

    assert isinstance(view.upload, FileUpload)
    for _ in range(2):  # the same bad file twice gives the same message
        button(view, "Next ▶").click()
        give("bad.png", b"no photo")
        assert "bad.png" in view.message.value and view.state.kind == "query"
    give("me <i>.png", file.getvalue())
    panel = view.texts["query"].value
    assert header(view).startswith("Your photo:")
    assert "me &lt;i&gt;.png" in panel and "<i>" not in panel and "%" in panel
    scores = view.retrieval.gallery.embeddings @ view.state.photo.predictions.embeddings[0]
    view.inputs["length"].value = 10
    assert view.tiles["results"].positions == scores.numpy().round(8).argsort(kind="stable")[::-1][:10].tolist()
    assert view.inputs["reranking"].disabled


def test_results_that_are_not_there_cannot_be_clicked():
    view = View(made_up())
    shown = len(view.tiles["results"].positions)
    assert 0 < shown < 20 and f"nth-child(n+{shown + 1})" in view.tiles["results"].html.value
    before = view.state
    button(view, "Result 20").click()
    assert view.state is before


def test_attributes_are_two_columns_and_errors_are_marked():
    retrieval = made_up()
    view = View(retrieval)
    panel = view.texts["query"].value
    assert panel.count("<tr>") == 13 and "Predicted" in panel and "True" in panel
    predicted = retrieval.query.probabilities.items()
    wrong = sum(int(values[0].argmax()) != retrieval.query_table[task][0] for task, values in predicted)
    assert panel.count("✗") == wrong > 0
    assert "True" not in View(made_up(known=False)).texts["query"].value


def test_unknown_identities_and_no_attribute_heads():
    view = View(made_up(known=False))
    assert "unknown" in header(view) and "qr-match" not in view.tiles["results"].html.value
    button(view, "Hardest").click()
    assert header(view).startswith("Query ")
    view = View(made_up(heads=False, keep=torch.ones(79, dtype=torch.bool)))
    assert len(view.inputs["attribute"].options) == 1 and not view.inputs["junk_filter"].disabled
    assert isinstance(widget.play(view.retrieval), type(view.box))
