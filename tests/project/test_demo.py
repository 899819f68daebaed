"""The page of `make demo`, without a browser; tests/browser opens it."""

import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import demo
import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from assignment_lib.models.joint import JointConvNet, ModelSettings
from assignment_lib.reporting import widget
from assignment_lib.training import assembly
from assignment_lib.training.recipes import recipe

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def own_folder(monkeypatch, tmp_path):
    """Five images in a folder with a space and a subfolder, and a file that is not an image."""
    folder = tmp_path / "my crops"
    (folder / "more").mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in ("a.png", "b.jpg", "c.JPG", "more/d.webp", "more/e.png"):
        Image.fromarray(random.integers(0, 256, (40, 20, 3), np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("none")
    monkeypatch.setenv("ASSIGNMENT_GALLERY", str(folder))
    return folder


def small_network(name):
    assert name == "strong"
    torch.manual_seed(0)
    return JointConvNet(ModelSettings(backbone="mobilenetv3_small_050", pretrained=False), 0)


def test_the_page_is_a_notebook():
    notebook = nbformat.from_dict(demo.page())
    nbformat.validate(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code"]
    compile(notebook.cells[1].source, "page", "exec")


def test_it_listens_on_this_computer_only():
    for browser in (True, False):
        command = demo.command(Path("a.ipynb"), 1234, browser)
        assert "--Voila.ip=127.0.0.1" in command and "--port=1234" in command
        assert ("--no-browser" in command) != browser
        assert Path(command[0]).parent == Path(sys.executable).parent


def test_own_crops_with_published_weights(own_folder, monkeypatch):
    thresholds = {"similarity": 0.4, "reranked": 0.2}
    published = assembly.Published(small_network("strong"), recipe("strong"), thresholds)
    monkeypatch.setattr(assembly, "published", lambda name: published)
    retrieval = demo.retrieval(log=lambda text: None)
    assert list(retrieval.gallery_table["file"]) == ["a.png", "b.jpg", "c.JPG", "more/d.webp", "more/e.png"]
    assert retrieval.thresholds == thresholds and not retrieval.known and retrieval.copies.tolist() == [0, 1, 2, 3, 4]
    assert retrieval.similarity.diagonal().allclose(retrieval.similarity.amax(1))
    assert widget.play(retrieval).children
    again = demo.retrieval(log=lambda text: None)  # from cached predictions
    assert again.similarity.equal(retrieval.similarity)


def test_a_data_set_without_queries_is_one_sentence(monkeypatch, few_data):
    monkeypatch.setattr(demo.dataset, "load", lambda name: replace(few_data, query=few_data.query[:0]))
    published = assembly.Published(small_network("strong"), recipe("strong"), {})
    monkeypatch.setattr(assembly, "published", lambda name: published)
    with pytest.raises(SystemExit, match="Pass its folder as GALLERY"):
        demo.retrieval(log=lambda text: None)


def test_missing_weights_or_images_are_one_sentence(own_folder, monkeypatch):
    monkeypatch.setattr(assembly, "published", Mock(side_effect=FileNotFoundError("weights/strong.safetensors")))
    assert demo.published("strong") is None
    with pytest.raises(SystemExit, match="make train"):
        demo.retrieval()
    monkeypatch.setenv("ASSIGNMENT_GALLERY", str(own_folder / "nothing"))
    with pytest.raises(SystemExit, match="0 images"):
        demo.retrieval()
