"""The notebooks on other data, and one of them alone: a file of its own, so that it runs beside test_notebooks.py."""

import json
import shutil

import pandas as pd
import pytest
from executing import run

import synthetic_pedestrians
from assignment_lib import dataset
from assignment_lib.data.annotations import with_test_truth


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
def test_notebook_05_alone_on_the_official_layout(tmp_path):
    """It trains the network that it needs, and the identities in the file names of the test score the files to hand in."""
    drawn = synthetic_pedestrians.draw(
        tmp_path / "few", train_identities=10, test_identities=4, train_images=40, progress=False
    )
    data = with_test_truth(dataset.load(drawn))
    folders = {"bounding_box_train": data.train, "bounding_box_test": data.gallery, "query": data.query}
    for name, table in folders.items():
        (tmp_path / "official" / name).mkdir(parents=True)
        for number, row in enumerate(table.itertuples()):
            file = f"{row.pid:04d}_c{row.camera}s1_{number:06d}_00.jpg"
            shutil.copy(row.path, tmp_path / "official" / name / file)
    done = run(tmp_path, "05", DATA="official")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "runs" / "official-smoke"
    trained = folder / "joint-efficientnet_lite0-seed0"
    assert (trained / "best.pt").exists() and (trained / "finished.txt").exists()
    scores = pd.read_csv(folder / "figures" / "test_lists.csv")
    assert len(scores) == 4 and scores["mAP"].between(0, 1).all()
    assert json.loads((folder / "metrics.json").read_text())["test"]["reid"]["queries"] == len(data.query)
