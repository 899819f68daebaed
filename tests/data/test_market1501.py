"""Market-1501: downloaded and counted; converted to the course layout with an anonymous test."""

import csv
import os
import sys
import types
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from made_up_folders import TRAIN_NAMES

from assignment_lib.data import market1501
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.dataset import load
from assignment_lib.data.market1501 import MARKET1501_IMAGES, download_market1501, to_course, verify_market1501


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
    assert gallery["pid"].tolist() != source.gallery["pid"].tolist()  # shuffled, or the order would tell
    unknown = truth["pid"] <= 0
    assert unknown.sum() == 2 and truth.loc[unknown, CLASSIFICATION_COLUMNS].isna().all(axis=None)
    known = truth[~unknown].set_index("pid")
    targets = to_targets(known[CLASSIFICATION_COLUMNS].astype(int))
    expected = source.query.set_index("pid")[list(TASKS)].loc[known.index]
    pd.testing.assert_frame_equal(targets, expected)


def test_the_truth_has_whole_numbers(converted):
    _, folder = converted
    rows = list(csv.DictReader((folder / "test_truth.csv").open()))
    assert {row["hat"] for row in rows} <= {"1", "2", ""}


def test_the_conversion_is_reproducible_from_its_seed(converted, tmp_path):
    source, folder = converted
    same = to_course(source, tmp_path / "same", seed=3)
    other = to_course(source, tmp_path / "other", seed=4)
    truths = [(path / "test_truth.csv").read_text() for path in (folder, same, other)]
    assert truths[0] == truths[1] != truths[2]


def test_the_conversion_copies_where_links_are_impossible(converted, tmp_path, monkeypatch):
    source, _ = converted

    def impossible(*arguments):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", impossible)
    folder = to_course(source, tmp_path / "copied")
    assert os.stat(folder / "train" / TRAIN_NAMES[0]).st_nlink == 1
    assert len(load(folder).train) == len(TRAIN_NAMES)


def test_the_conversion_refuses_what_it_cannot_do(converted, tmp_path):
    source, folder = converted
    with pytest.raises(FileExistsError, match="exists already; move it away"):
        to_course(source, folder)
    with pytest.raises(ValueError, match="identities are unknown"):
        to_course(load(folder), tmp_path / "again")
    (tmp_path / "market_attribute.mat").unlink()
    with pytest.raises(ValueError, match=r"needs annotations; put market_attribute\.mat"):
        to_course(load(source.root), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_conversion_that_fails_leaves_nothing(converted, tmp_path):
    source, _ = converted
    Path(source.query["path"][0]).unlink()
    with pytest.raises(FileNotFoundError):
        to_course(source, tmp_path / "again")
    assert not [path for path in tmp_path.iterdir() if "again" in path.name]


def test_the_command_line(converted, tmp_path, capsys):
    source, _ = converted
    command = ["course", "--data", str(source.root), "--out", str(tmp_path / "by command"), "--seed", "3"]
    assert market1501.main(command) == 0
    assert "(course)" in (output := capsys.readouterr().out) and "train: 4 images of 3 people" in output
    assert len(load(tmp_path / "by command").gallery) == len(source.gallery)


def test_the_command_line_with_defaults_from_the_environment(converted, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_DATA", str(converted[0].root))
    monkeypatch.setenv("ASSIGNMENT_OUT", str(tmp_path / "a & b's [course]"))
    assert market1501.main(["course"]) == 0
    assert load(tmp_path / "a & b's [course]").layout == "course"


def test_a_mistake_on_the_command_line_gives_one_sentence(tmp_path, capsys):
    assert market1501.main(["course", "--data", str(tmp_path / "nothing"), "--out", str(tmp_path / "new")]) == 1
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and str(tmp_path / "nothing") in output.err


SMALL = {"bounding_box_train": 3, "bounding_box_test": 4, "query": 2}


def small_market(path: Path, counts=SMALL) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for folder, count in counts.items():
            for number in range(count):
                file.writestr(f"Market-1501-v15.09.15/{folder}/{number + 1:04d}_c1s1_000001_00.jpg", f"{number}")
            file.writestr(f"Market-1501-v15.09.15/{folder}/Thumbs.db", "x")
    return path


CONTENT = b"attributes"


@pytest.fixture
def network(monkeypatch):
    """Both sources, made up: a gdown that writes a small archive, and a download of the attributes."""
    network = types.SimpleNamespace(calls=[], counts=SMALL)

    def from_drive(id, output, resume):
        network.calls.append((id, resume))
        return str(small_market(Path(output), network.counts))

    def from_url(url, path):
        network.calls.append(url)
        Path(path).write_bytes(CONTENT)

    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=from_drive))
    monkeypatch.setattr(market1501.torch.hub, "download_url_to_file", from_url)
    monkeypatch.setattr(market1501, "MARKET1501_IMAGES", SMALL)
    monkeypatch.setattr(market1501, "read_market_attributes", lambda path: None)
    return network


def test_market1501_is_downloaded_unpacked_and_counted_once(network, tmp_path):
    folder = download_market1501(tmp_path / "data")
    assert folder == tmp_path / "data" / "market1501"
    attributes = tmp_path / "data" / "market_attribute.mat"
    assert attributes.read_bytes() == CONTENT
    assert network.calls == [("0B8-rUzbwVRk0c054eEozWG9COHM", True), market1501.ATTRIBUTES_URL]
    assert len(list(folder.glob("*/bounding_box_test/*.jpg"))) == 4
    assert download_market1501(tmp_path / "data") == folder
    assert len(network.calls) == 2  # nothing is downloaded again


def test_an_incomplete_archive_is_refused_before_it_is_taken_for_the_data_set(network, tmp_path):
    network.counts = SMALL | {"query": 1}
    with pytest.raises(ValueError, match=r"v15\.09\.15\.zip is not the complete Market-1501 \(query/ 1 of 2 images\)"):
        download_market1501(tmp_path)
    assert not (tmp_path / "market1501").exists()


def test_a_folder_of_the_user_is_counted_too(network, tmp_path):
    (tmp_path / "market1501" / "bounding_box_train").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"bounding_box_train/ 0 of 3, bounding_box_test/ 0 of 4, query/ 0 of 2"):
        download_market1501(tmp_path)
    assert network.calls == []


def test_the_true_counts():
    assert MARKET1501_IMAGES == {"bounding_box_train": 12_936, "bounding_box_test": 19_732, "query": 3_368}


def test_one_image_too_many_is_noticed_too(tmp_path, monkeypatch):
    monkeypatch.setattr(market1501, "MARKET1501_IMAGES", {"bounding_box_train": 1, "query": 1})
    for name in ("bounding_box_train/1.jpg", "query/1.jpg", "query/Thumbs.db", "query/._1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    verify_market1501(tmp_path)
    (tmp_path / "query" / "2.jpg").touch()
    with pytest.raises(ValueError, match="query/ 2 of 1"):
        verify_market1501(tmp_path)


def test_without_gdown_one_sentence_says_both_ways(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(ImportError, match=r"pip install gdown, or save https://drive\.google\.com/.* as .*\.zip"):
        download_market1501(tmp_path)


def test_gdown_without_network_is_one_sentence(tmp_path, monkeypatch, capsys):
    def unreachable(**options):
        raise OSError("HTTPSConnectionPool(host='drive.google.com'):\nMax retries exceeded")

    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=unreachable))
    monkeypatch.setattr(market1501.download_market1501, "__defaults__", (tmp_path,))
    assert market1501.main(["download"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Max retries exceeded" in error and "run again with a network" in error
    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=lambda **options: None))
    with pytest.raises(ConnectionError, match="Google Drive did not deliver"):
        download_market1501(tmp_path)
