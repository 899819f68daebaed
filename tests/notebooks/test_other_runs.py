"""The notebooks on other data, and one of them alone: a file of its own, so that it runs beside test_notebooks.py."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from executing import run
from IPython.core.inputtransformer2 import TransformerManager

import synthetic_pedestrians
from assignment_lib.environment import PROJECT_ROOT

NOTEBOOK_05 = PROJECT_ROOT / "notebooks" / "05_reid_retrieval.ipynb"


@pytest.mark.slow
def test_images_without_annotations_are_for_re_id_only(tmp_path, few_data):
    """A plain folder of `pid_cX` images: what is about attributes steps aside with a sentence, the rest runs."""
    shutil.copytree(few_data.root / "train", tmp_path / "plain")
    done = run(tmp_path, DATA="plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("no annotations, so there") == 2  # notebooks 02 and 03
    assert "no queries or no gallery" in done.stdout
    metrics = json.loads((tmp_path / "runs" / "plain-smoke" / "metrics.json").read_text())
    assert "attributes" not in metrics and metrics["reid"]["mAP"] > 0


@pytest.mark.slow
def test_missing_data_is_one_sentence(tmp_path):
    done = run(tmp_path, "01", DATA="nowhere.zip")
    assert done.returncode == 1
    assert "nowhere.zip" in done.stdout and "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
def test_notebook_05_alone_trains_the_network_that_it_needs(tmp_path):
    """Its cells as far as the network; test_notebooks.py has the rest."""
    synthetic_pedestrians.draw(
        tmp_path / "few", train_identities=10, test_identities=4, train_images=40, progress=False
    )
    plain = TransformerManager().transform_cell  # `!git clone` as Python; it runs on Colab only
    cells = [plain(c.source) for c in nbformat.read(NOTEBOOK_05, as_version=4).cells if c.cell_type == "code"]
    end = next(number for number, source in enumerate(cells, 1) if "pipeline.prepare(" in source)
    script = tmp_path / "first_cells.py"
    script.write_text("\n".join(cells[:end]))
    settings = {"DATA": str(tmp_path / "few"), "RUNS": str(tmp_path / "runs"), "UNATTENDED": "1"}
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {f"ASSIGNMENT_{name}": value for name, value in settings.items()},
        cwd=PROJECT_ROOT / "notebooks", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    trained = tmp_path / "runs" / "few-smoke" / "joint-efficientnet_lite0-seed0"
    assert (trained / "best.pt").exists() and (trained / "finished.txt").exists()
