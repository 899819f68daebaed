"""`load` finds what it is given: relative paths, home, links, archives unpacked once; and the fingerprint of the data."""

import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
from made_up_archives import entries
from made_up_folders import PIDS, TRAIN_NAMES, course, random_annotations, refused, zipped

import synthetic_pedestrians
from assignment_lib import dataset as public
from assignment_lib import environment
from assignment_lib.data import dataset, market1501
from assignment_lib.data.attributes import ANNOTATION_COLUMNS
from assignment_lib.data.dataset import fingerprint, load
from assignment_lib.environment import Settings


def test_relative_paths_are_tried_as_given_then_below_data(tmp_path, data_folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    course(data_folder / "mine")
    assert load("mine").root == data_folder / "mine"
    course(tmp_path / "mine")
    assert load("mine").root == load(Path("mine")).root == tmp_path / "mine"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert load("~/mine").root == tmp_path / "mine"
    refused(FileNotFoundError, "nothing", tmp_path / "nothing", data_folder / "nothing", "check the spelling")
    (tmp_path / "data.rar").write_bytes(b"Rar!\x1a\x07")
    refused(ValueError, tmp_path / "data.rar", "data.rar", "neither a folder nor a zip or tar archive; unpack it")


def test_archives_with_similar_names_never_share_a_folder(tmp_path, data_folder):
    """Names that differ in non-ASCII letters or in suffix, and equal names in two folders."""
    source = course(tmp_path / "source")
    names = ("数据.zip", "课程.zip", "a/data.zip", "b/data.zip", "b/Data.zip")
    archives, loaded = [tmp_path / name for name in names], []
    for number, archive in enumerate(archives):
        (source / "test" / f"{number:06d}.jpg").write_text(f"image {number}")
        archive.parent.mkdir(exist_ok=True)
        loaded.append(load(zipped(source, archive)))
    assert len({data.root for data in loaded}) == 5 == len(entries(data_folder))
    assert [data.name for data in loaded[2:]] == ["data"] * 3 and len({data.name for data in loaded}) == 3
    assert all(Path(path).is_file() for data in loaded for path in data.gallery["path"])
    assert [load(archive).root for archive in archives] == [data.root for data in loaded]  # each finds its own again


def test_a_link_counts_as_its_target(tmp_path):
    folder = course(tmp_path / "target")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    assert load(tmp_path / "link").name == "target"
    assert Settings(str(tmp_path / "link")).folder == Settings(str(folder)).folder


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: random_annotations(PIDS, seed=9)[ANNOTATION_COLUMNS].to_csv(folder / "annotations_train.csv"),
        lambda folder: (folder / "train" / TRAIN_NAMES[0]).write_text("another picture"),
        lambda folder: (folder / "test" / "000002.jpg").rename(folder / "test" / "000003.jpg"),
        lambda folder: (folder / "queries" / "000001.jpg").write_text("x"),
    ],
)
def test_a_fingerprint_changes_with_annotations_sizes_and_names_but_not_with_the_folder(tmp_path, change):
    folder = course(tmp_path / "one")
    before = fingerprint(load(folder))
    assert fingerprint(load(shutil.copytree(folder, tmp_path / "another name"))) == before
    change(folder)
    assert fingerprint(load(folder)) != before


def test_the_public_loader_draws_and_downloads_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module in (public, environment, dataset):
        monkeypatch.setattr(module, "DATA_FOLDER", tmp_path / "data")
    draw, download = Mock(side_effect=course), Mock(side_effect=lambda: course(tmp_path / "data" / "market1501"))
    monkeypatch.setattr(synthetic_pedestrians, "draw", draw)
    monkeypatch.setattr(market1501, "download_market1501", download)
    assert public.load("synthetic").name == "synthetic"
    assert public.load(Path("market1501")).name == public.load("market1501").name == "market1501"
    assert public.load(str(tmp_path / "data" / "synthetic")).name == "synthetic"
    draw.assert_called_once_with(tmp_path / "data" / "synthetic")
    download.assert_called_once_with()
