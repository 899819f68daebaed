"""`assignment_lib.dataset.load` makes what it knows how to make; all else it leaves to the room."""

import pytest

from assignment_lib import dataset, synthetic
from assignment_lib.data import dataset as room
from assignment_lib.data import download


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A data folder with nothing in it, as on a fresh machine."""
    for module in (dataset, room):
        monkeypatch.setattr(module, "DATA_FOLDER", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def test_the_built_in_data_is_drawn_where_it_is_missing(empty, monkeypatch):
    drawn = []

    def draw(folder):
        drawn.append(folder)
        return draw_few(folder, train_identities=6, test_identities=4, train_images=24, progress=False)

    draw_few = synthetic.draw
    monkeypatch.setattr(synthetic, "draw", draw)
    data = dataset.load("synthetic")
    assert drawn == [empty / "synthetic"] and data.layout == "course" and len(data.train) == 24
    assert dataset.load("synthetic").train.equals(data.train)


def test_market1501_is_downloaded_once(empty, monkeypatch, capsys):
    def fetch():
        (empty / "market1501").mkdir(parents=True)
        (empty / "market1501" / "0002_c1s1_000451_03.jpg").touch()

    monkeypatch.setattr(download, "download_market1501", fetch)
    assert len(dataset.load("market1501").train) == 1 and "146 MB" in capsys.readouterr().out
    assert len(dataset.load("market1501").train) == 1 and capsys.readouterr().out == ""


def test_a_folder_of_that_name_comes_first(empty, monkeypatch):
    monkeypatch.setattr(synthetic, "draw", None)  # would fail if it were called
    folder = empty.parent / "synthetic"
    folder.mkdir()
    (folder / "0002_c1s1_000451_03.jpg").touch()
    assert dataset.load("synthetic").root == folder


def test_anything_else_is_only_loaded(empty):
    with pytest.raises(FileNotFoundError, match="there is no data set at"):
        dataset.load("course.zip", unpack_to=empty)
    assert not empty.exists()
