"""`market_attribute.mat`: read by field name, faults named, the report's class weights from the real one."""

import numpy as np
import pandas as pd
import pytest
from made_up_folders import REAL, market, needs_real, refused, save_mat

from assignment_lib.data.attributes import TASKS, to_targets
from assignment_lib.data.layouts import parse_name
from assignment_lib.data.annotations import read_market_attributes


def test_attributes_are_read_by_field_name(tmp_path):
    frames = save_mat(tmp_path / "market_attribute.mat")
    for frame, part in zip(read_market_attributes(tmp_path / "market_attribute.mat"), ("train", "test"), strict=True):
        expected = frames[part].rename_axis("pid")
        pd.testing.assert_frame_equal(frame, expected)


def test_attributes_of_one_person_are_read(tmp_path):
    save_mat(tmp_path / "market_attribute.mat", train_pids=(2,))
    assert read_market_attributes(tmp_path / "market_attribute.mat")[0].index.tolist() == [2]


def _too_many_indices(fields):
    fields["train"]["image_index"] = np.array(["0002"], object)


def _twice(fields):
    fields["test"]["image_index"] = np.array(["0001", "0001"], object)


def _no_test(fields):
    del fields["test"]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"drop": ["hat", "age"]}, "market_attribute.train lacks age, hat"),
        ({"change": _no_test}, "market_attribute.test lacks image_index, age"),
        ({"change": _too_many_indices}, "market_attribute.train is not one number per person"),
        ({"change": _twice}, "market_attribute.test names a person twice"),
    ],
)
def test_attribute_files_with_a_fault(tmp_path, options, words):
    folder = market(tmp_path / "market1501")
    save_mat(folder / "market_attribute.mat", **options)
    refused(ValueError, folder, folder / "market_attribute.mat", words)


@pytest.mark.parametrize("content", [b"", b"<html>", b"MATLAB 7.3 MAT-file" + bytes(500), None])
def test_attribute_files_that_are_none(tmp_path, content):
    folder = market(tmp_path / "market1501")
    mat = folder / "market_attribute.mat"
    save_mat(mat)
    mat.write_bytes(mat.read_bytes()[:-300] if content is None else content)
    refused(ValueError, folder, mat, "remove it and download it again")


def test_a_missing_attribute_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"market_attribute\.mat is missing; it comes from github"):
        read_market_attributes(tmp_path / "market_attribute.mat")


def test_an_attribute_value_out_of_range(tmp_path):
    folder = market(tmp_path / "market1501")

    def change(fields):
        fields["train"]["age"] = np.array([[1, 9, 1]])

    save_mat(folder / "market_attribute.mat", change=change)
    refused(ValueError, folder, folder / "market_attribute.mat", "in the column age, where only 1 to 4")


@needs_real
def test_the_class_weights_of_the_report():
    """w_c = N / (C n_c) over the official training list, to the report's four digits."""
    names = (REAL / "train_files.txt").read_text().split()
    train, test = read_market_attributes(REAL / "market_attribute.mat")
    assert (len(names), len(train), len(test)) == (12_936, 751, 750)
    assert not set(train.index) & set(test.index)
    pids = [parse_name(name)[0] for name in names]
    assert set(pids) == set(train.index)
    assert {parse_name(name)[1] for name in names} == {1, 2, 3, 4, 5, 6}
    targets = to_targets(train).loc[pids]

    def weights(task):
        counts = np.bincount(targets[task], minlength=len(TASKS[task]))
        return [round(len(targets) / (len(counts) * count), 4) for count in counts]

    assert weights("clothes") == [3.4386, 0.5851]
    assert weights("hat") == [0.5116, 22.0751]
    assert weights("backpack") == [0.6910, 1.8087]
    assert weights("age") == [15.1831, 0.3202, 1.3276, 17.3871]
    assert weights("downcolor")[TASKS["downcolor"].index("purple")] == 44.6069
