"""Market-1501: downloaded and counted; converted to the course layout with an anonymous test."""

import csv
import hashlib
import inspect
import os
import shutil
import sys
import types
from pathlib import Path
from unittest.mock import Mock

import gdown
import pandas as pd
import pytest
from made_up_archives import write_zip
from made_up_folders import TRAIN_NAMES, images, market

from assignment_lib.data import market1501
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS
from assignment_lib.data.dataset import load
from assignment_lib.data.market1501 import download_market1501, to_course


def test_the_conversion_keeps_the_training_set(converted):
    source, folder = converted
    data = load(folder)
    assert data.layout == "course" and data.notes == ()
    pd.testing.assert_frame_equal(data.train.drop(columns="path"), source.train.drop(columns="path"))
    for ours, theirs in zip(data.train["path"], source.train["path"], strict=True):
        assert Path(ours).read_bytes() == Path(theirs).read_bytes()
    with (folder / "annotations_train.csv").open() as file:
        assert next(csv.reader(file)) == ["id", *ANNOTATION_COLUMNS]


def test_the_conversion_makes_the_test_anonymous_and_keeps_its_truth(converted):
    source, folder = converted
    truth = pd.read_csv(folder / "test_truth.csv")
    assert list(truth.columns) == ["folder", "file", "pid", "camera", *CLASSIFICATION_COLUMNS]
    for name, table in (("test", source.gallery), ("queries", source.query)):
        rows = truth[truth["folder"] == name]
        assert rows["file"].tolist() == [f"{number:06d}.jpg" for number in range(len(table))]
        assert sorted(path.name for path in (folder / name).iterdir()) == rows["file"].tolist()
        theirs = {Path(row.path).read_text(): (row.pid, row.camera) for row in table.itertuples()}
        ours = {(folder / name / row.file).read_text(): (row.pid, row.camera) for row in rows.itertuples()}
        assert ours == theirs and len(ours) == len(table)
    gallery = truth[truth["folder"] == "test"]
    assert gallery["pid"].tolist() != source.gallery["pid"].tolist()  # shuffled, or the order would reveal them
    unknown = truth["pid"] <= 0
    assert unknown.sum() == 2 and truth.loc[unknown, CLASSIFICATION_COLUMNS].isna().all(axis=None)
    assert {row["hat"] for row in csv.DictReader((folder / "test_truth.csv").open())} <= {"1", "2", ""}


def test_the_conversion_keeps_a_folder_per_person(tmp_path):
    folder = market(tmp_path / "market1501", tmp_path / "market_attribute.mat")
    for name in TRAIN_NAMES:
        person, _, rest = name.partition("_")
        images(folder / "people" / person, [rest])
    shutil.rmtree(folder / "bounding_box_train")
    (folder / "people").rename(folder / "bounding_box_train")
    source = load(folder)
    assert load(to_course(source, tmp_path / "as course")).train["file"].tolist() == source.train["file"].tolist()


def test_the_conversion_is_reproducible_and_copies_where_links_fail(converted, tmp_path, monkeypatch):
    source, folder = converted
    other = to_course(source, tmp_path / "other", seed=4)
    monkeypatch.setattr(os, "link", Mock(side_effect=OSError("no hard links here")))
    same = to_course(source, tmp_path / "same", seed=3)
    assert os.stat(same / "train" / TRAIN_NAMES[0]).st_nlink == 1
    truths = [(path / "test_truth.csv").read_text() for path in (folder, same, other)]
    assert truths[0] == truths[1] != truths[2]


def test_the_conversion_refuses_what_it_cannot_do_and_leaves_nothing(converted, tmp_path):
    source, folder = converted
    with pytest.raises(FileExistsError, match="move it away"):
        to_course(source, folder)
    (tmp_path / "market_attribute.mat").unlink()
    for incomplete in (folder, source.root):
        with pytest.raises(ValueError, match=r"is no official Market-1501 with market_attribute\.mat"):
            to_course(load(incomplete), tmp_path / "again")
    Path(source.query["path"][0]).unlink()
    with pytest.raises(FileNotFoundError):
        to_course(source, tmp_path / "again")
    assert not [path for path in tmp_path.iterdir() if "again" in path.name]


def test_the_command_line(converted, tmp_path, capsys, monkeypatch):
    out = tmp_path / "a & b's [course]"
    monkeypatch.setenv("ASSIGNMENT_DATA", str(converted[0].root))
    monkeypatch.setenv("ASSIGNMENT_OUT", str(out))
    assert market1501.main(["course"]) == 0
    assert "4 training images" in capsys.readouterr().out and load(out).layout == "course"
    assert market1501.main(["course", "--data", str(tmp_path / "nothing"), "--out", str(tmp_path / "new")]) == 1
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and str(tmp_path / "nothing") in output.err


SMALL = {"bounding_box_train": 3, "bounding_box_test": 4, "query": 2}


def small_market(path: Path, counts=SMALL) -> Path:
    files = {f"Market-1501-v15.09.15/{folder}/Thumbs.db": b"x" for folder in counts}
    for folder, count in counts.items():
        files |= {f"Market-1501-v15.09.15/{folder}/{n:04d}_c1s1_000001_00.jpg": b"%d" % n for n in range(count)}
    return write_zip(path, files)


@pytest.fixture
def network(monkeypatch, tmp_path):
    """Both sources, made up: a gdown that writes a small archive, and a download of the attributes."""
    network = types.SimpleNamespace(calls=[], counts=SMALL)

    def from_drive(id, output, resume):
        network.calls.append(id)
        return str(small_market(Path(output), network.counts))

    def from_url(url, path, hash_prefix):
        network.calls.append(url)
        Path(path).write_bytes(b"attributes")

    small = small_market(tmp_path / "small.zip").read_bytes()
    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=from_drive))
    monkeypatch.setattr(market1501.torch.hub, "download_url_to_file", from_url)
    monkeypatch.setattr(market1501, "MARKET1501_IMAGES", SMALL)
    monkeypatch.setattr(market1501, "IMAGES_MD5", hashlib.md5(small).hexdigest())
    monkeypatch.setattr(market1501, "read_market_attributes", lambda path: None)
    return network


def test_the_made_up_gdown_is_called_like_the_real_one():
    inspect.signature(gdown.download).bind(id="x", output="y", resume=True)


def test_market1501_is_downloaded_unpacked_and_counted_once(network, tmp_path):
    folder = download_market1501(tmp_path / "data")
    assert folder == tmp_path / "data" / "market1501"
    assert (tmp_path / "data" / "market_attribute.mat").read_bytes() == b"attributes"
    assert network.calls == ["0B8-rUzbwVRk0c054eEozWG9COHM", market1501.ATTRIBUTES_URL]
    assert len(list(folder.glob("*/bounding_box_test/*.jpg"))) == 4
    assert download_market1501(tmp_path / "data") == folder
    assert len(network.calls) == 2  # nothing is downloaded again


def test_an_incomplete_archive_or_folder_is_refused(network, tmp_path):
    network.counts = SMALL | {"query": 1}
    with pytest.raises(ConnectionError, match="another checksum"):
        download_market1501(tmp_path)
    with pytest.raises(ValueError, match=r"not the complete Market-1501 .*query/ 1 of 2"):
        download_market1501(tmp_path)  # the archive of the first call, or one saved in a browser
    assert not (tmp_path / "market1501").exists()
    (tmp_path / "market1501" / "bounding_box_train").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"bounding_box_train/ 0 of 3, bounding_box_test/ 0 of 4, query/ 0 of 2"):
        download_market1501(tmp_path)
    assert len(network.calls) == 1


@pytest.mark.parametrize(
    "download",
    [
        None,
        Mock(return_value=None),
        Mock(side_effect=OSError("HTTPSConnectionPool(host='drive.google.com'):\nMax retries")),
    ],
    ids=["no gdown", "Google refuses", "no network"],
)
def test_a_failed_download_is_one_sentence(tmp_path, monkeypatch, capsys, download):
    monkeypatch.setitem(sys.modules, "gdown", download and types.SimpleNamespace(download=download))
    monkeypatch.setattr(market1501.download_market1501, "__defaults__", (tmp_path / "data",))
    assert market1501.main(["download"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "or save https://drive.google.com" in error
