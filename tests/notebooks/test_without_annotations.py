"""The notebooks on a folder of images without annotations, a file of its own so that it runs beside the others."""

import json
import shutil

import pytest
from executing import run


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
