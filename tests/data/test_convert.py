"""The official data set in the course's layout: nothing lost, nothing told, the same from its seed."""

import csv
import os
from pathlib import Path

import pandas as pd
import pytest
from made_up_folders import TRAIN_NAMES

from assignment_lib.data import convert
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.market1501 import to_course
from assignment_lib.data.dataset import load


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
    assert convert.main([str(source.root), str(tmp_path / "by command"), "--seed", "3"]) == 0
    assert "(course)" in (output := capsys.readouterr().out) and "train: 4 images of 3 people" in output
    assert len(load(tmp_path / "by command").gallery) == len(source.gallery)


def test_the_command_line_answers_a_mistake_with_one_sentence(tmp_path, capsys):
    assert convert.main([str(tmp_path / "nothing"), str(tmp_path / "new")]) == 1
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and str(tmp_path / "nothing") in output.err
