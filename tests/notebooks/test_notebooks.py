"""The notebooks as they are committed, and all of them executed on a data set of a few drawn people."""

import json
import re

import nbformat
import pandas as pd
import pytest
import run_notebooks
from executing import run

import synthetic_pedestrians
from assignment_lib.data.annotations import read_truth
from assignment_lib.data.attributes import TASKS
from assignment_lib.environment import PROJECT_ROOT
from assignment_lib.reporting import output_files

NOTEBOOKS = sorted((PROJECT_ROOT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_as_one_clean_run(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert "widgets" not in notebook.metadata
    assert path.stat().st_size < 3_000_000  # GitHub draws no larger ones


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_defines_nothing_that_belongs_in_the_library(path):
    """A cell may build by hand what the library has, to be read and thrown away; its tag says so, as do exercises'."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            tags = set(cell.metadata.get("tags", []))
            defines = re.search(r"^\s*(def|class) ", cell.source, re.MULTILINE)
            assert not defines or tags & {"by-hand", "exercise", "solution", "check"}, cell.source
            assert len(cell.source.splitlines()) <= 30


@pytest.mark.parametrize("start", ["import sys\n", "settings = notebook.settings("])
def test_all_share_the_same_setup_and_settings_cell(start):
    cells = [nbformat.read(path, as_version=4).cells for path in NOTEBOOKS]
    same = [cell.source for notebook in cells for cell in notebook if cell.source.startswith(start)]
    assert len(same) == len(NOTEBOOKS) and len(set(same)) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_asks_colab_for_a_gpu_also_after_make_notebooks(path):
    notebook = nbformat.read(path, as_version=4)
    run_notebooks.tidy(notebook)
    assert notebook.metadata.accelerator == "GPU" and notebook.metadata.colab.gpuType == "T4"
    assert notebook.metadata == nbformat.read(path, as_version=4).metadata


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("executed")
    synthetic_pedestrians.draw(folder / "few", train_identities=20, test_identities=6, train_images=120, progress=False)
    before = {path: path.stat().st_mtime_ns for path in NOTEBOOKS}
    done = run(folder, DATA="few", RECIPE="smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in NOTEBOOKS}, "committed notebooks were overwritten"
    return folder / "runs" / "few-smoke"


@pytest.mark.slow
def test_everything_is_written(executed):
    figures = {path.name for path in (executed / "figures").iterdir()}
    for table in ("table1_attributes", "table2_reid", "class_weights"):
        assert {f"{table}.csv", f"{table}.md", f"{table}.tex"} <= figures
    assert {"architecture.png", "joint_training.png", "retrieval.png", "class_weights.png"} <= figures
    assert len(list((executed / "notebooks").glob("*.ipynb"))) == len(NOTEBOOKS)


@pytest.mark.slow
def test_metrics_file_has_the_agreed_form(executed):
    metrics = json.loads((executed / "metrics.json").read_text())
    assert set(metrics["attributes"]) == {*TASKS, "average"}
    assert all(0 <= value <= 1 for task in metrics["attributes"].values() for value in task.values())
    assert 0 < metrics["reid"]["mAP"] <= 1 and 0 < metrics["reid"]["rank1"] <= 1
    assert metrics["recipe"] == "smoke" and metrics["data"] == "few" and metrics["seed"] == 0
    assert metrics["seconds"]["train"] > 0
    assert "reid" in metrics["test"]


@pytest.mark.slow
def test_deliverables_are_complete(executed):
    truth = read_truth(executed.parent.parent / "few")
    lists = output_files.read_reid_test(executed / "reid_test.txt")
    assert set(lists) == set(truth.query["file"])
    gallery = set(truth.gallery["file"])
    assert all(set(found) <= gallery for found in lists.values())
    assert set(pd.read_csv(executed / "classification_test.csv")["id"]) == gallery
