"""The students' version holds no solution, and runs."""

import json
import re
import subprocess
import sys

import nbformat
import pytest
import student
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from assignment_lib.environment import PROJECT_ROOT


def code(source, *tags, **metadata):
    output = new_output("stream", name="stdout", text="SECRET output\n")
    return new_code_cell(source, execution_count=3, outputs=[output], metadata={"tags": list(tags), **metadata})


def write(folder, *cells, name="01_made_up.ipynb"):
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=list(cells)), folder / name)
    return folder


@pytest.fixture
def cut(tmp_path):
    """`cut(*cells)`: the cells of a notebook made of them, after it was cut."""

    def do(*cells):
        student.write_notebooks(write(tmp_path / "from", *cells), tmp_path / "to")
        return nbformat.read(tmp_path / "to" / "01_made_up.ipynb", as_version=4).cells

    return do


def test_answers_are_emptied_and_everything_else_stays(cut):
    before = [
        new_markdown_cell("### Exercise", metadata={"tags": ["exercise"]}),
        code("weights = ...", "exercise"),
        code("weights = 1 / counts", "solution", "slow", jupyter={"source_hidden": True}),
        new_markdown_cell("because of the mean", metadata={"tags": ["solution"]}),
        new_raw_cell("raw", metadata={"tags": ["solution"]}),
        code("assert weights > 0", "check"),
        code("print(1)"),
    ]
    text, exercise, answer, check, plain = cut(*before)
    assert text.source == "### Exercise" and exercise.source == "weights = ..." and exercise.outputs
    assert answer.source == "# your answer" and answer.metadata == {"tags": ["answer", "slow"]}
    assert check.source == "assert weights > 0" and check.metadata.tags == ["check"]
    for cell in (answer, check):
        assert cell.outputs == [] and cell.execution_count is None
    assert plain.outputs[0].text == "SECRET output\n" and plain.execution_count == 3


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("before\n\n<details>\n<summary>Solution</summary>\n\nSECRET\n</details>\n\nafter", "before\n\nafter"),
        ("<details open><summary> <b>Solution 2.1</b></summary>SECRET</details>after", "after"),
        ("a <DETAILS><Summary>solution</Summary>SECRET<details>x</details>SECRET</Details> b", "a\n\n b"),
        ("<details><summary>Hint</summary>hint</details>", "<details><summary>Hint</summary>hint</details>"),
        (
            "<details><summary>Hint</summary>h <details><summary>Solution</summary>SECRET</details></details>",
            "<details><summary>Hint</summary>h\n\n</details>",
        ),
        ("no blocks\n", "no blocks\n"),
    ],
)
def test_details_called_solution_are_cut_out(text, left):
    assert student.without_solutions(text) == left


def test_badges_do_not_lead_to_the_solutions(cut):
    address = "colab.research.google.com/github/course/with-solutions/blob/main/notebooks/01_made_up.ipynb"
    badge, first = cut(new_markdown_cell(f"[badge](https://{address})"), code('REPOSITORY = "course/with-solutions"'))
    assert "with-solutions" not in badge.source + first.source
    assert "/github/OWNER/REPOSITORY/blob/" in badge.source and first.source == 'REPOSITORY = "OWNER/REPOSITORY"'


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (code("1", "Solution"), r"01_made_up.ipynb: cell 1 has the tag 'Solution'; call it solution"),
        (new_markdown_cell("<details><summary>Solution</summary>"), "cell 1 has an open <details>"),
        (new_markdown_cell("text</details>"), "cell 1 has a </details> without an opening"),
    ],
)
def test_a_mark_that_is_nearly_right_is_named(cut, cell, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        cut(cell)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "[]", '{"cells": []}', '{"nbformat": 3, "metadata": {}, "worksheets": []}'])
def test_what_is_no_notebook_is_one_sentence(tmp_path, text):
    (tmp_path / "01.ipynb").write_text(text)
    with pytest.raises(ValueError, match=r"01\.ipynb is not a notebook of version 4; open it") as raised:
        student.write_notebooks(tmp_path, tmp_path / "to")
    assert "\n" not in str(raised.value)


def test_the_whole_project(tmp_path, monkeypatch, capsys):
    project, folder = tmp_path / "project", tmp_path / "out" / "student"
    write(project / "notebooks", code("answer = 1", "solution"), code("import assignment_lib", "check"))
    for name, text in {"assignment_lib/__init__.py": "", "docs/teaching.md": "SECRET", "docs/results.md": "r"}.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    monkeypatch.setattr(student, "ROOT", project)
    assert student.main([str(folder)]) == 0
    assert "01_made_up.ipynb: 1 answers, 1 checks" in capsys.readouterr().out
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == [
        "README.md", "assignment_lib/__init__.py", "docs/results.md", "notebooks/01_made_up.ipynb",
    ]  # fmt: skip
    (folder / "docs" / "old.md").write_text("of the last time")
    assert student.main([str(folder)]) == 0 and not (folder / "docs" / "old.md").exists()
    # a failure leaves what was there, and no rubbish
    (project / "notebooks" / "02.ipynb").write_text("{")
    assert student.main([str(folder)]) == 1 and "02.ipynb is not a notebook" in capsys.readouterr().err
    assert [path.name for path in folder.parent.iterdir()] == ["student"] and (folder / "README.md").exists()


def test_a_folder_of_someone_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "README.md").write_text("# My thesis")
    assert student.main([str(tmp_path)]) == 1
    assert "was not made by `make student`" in capsys.readouterr().err and len(list(tmp_path.iterdir())) == 1
    assert student.main(["--help"]) == 2


def test_of_the_committed_notebooks_no_solution_is_left(tmp_path):
    student.write_notebooks(PROJECT_ROOT / "notebooks", tmp_path / "to")
    for path in sorted((PROJECT_ROOT / "notebooks").glob("[0-9]*.ipynb")):
        given = json.loads((tmp_path / "to" / path.name).read_text())["cells"]
        kept = {"".join(cell["source"]).strip() for cell in given}
        for cell in json.loads(path.read_text())["cells"]:
            source = "".join(cell["source"]).strip()
            if "solution" in cell["metadata"].get("tags", []):
                assert source not in kept, path.name
        assert not any("<summary>Solution" in source for source in kept)


@pytest.mark.slow
def test_the_copy_is_enough_to_run_on(tmp_path):
    """The first cells of a notebook, run in the copy, find the copy's own library and its settings."""
    student.write_project(tmp_path / "student")
    notebooks = tmp_path / "student" / "notebooks"
    for path in notebooks.glob("*.ipynb"):
        text = "".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        places = [place.replace('" / "', "/") for place in re.findall(r'PROJECT_ROOT / "([^)]*)"\)', text)]
        for place in [*places, *re.findall(r"\]\(\.\./([^)#]+)", text)]:
            assert (tmp_path / "student" / place).exists(), f"{path.name} needs {place}"
    cells = nbformat.read(notebooks / "02_class_weights.ipynb", as_version=4).cells
    plain = TransformerManager().transform_cell  # `!git clone` as Python; it runs on Colab only
    first = [plain(cell.source) for cell in cells if cell.cell_type == "code"][:2]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*first, "print(environment.PROJECT_ROOT)"])],
        cwd=notebooks, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path / "student")
