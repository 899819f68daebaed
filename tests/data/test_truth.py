"""The truth of an anonymous test: never read by `load`, complete where it is asked for."""

import pandas as pd
import pytest
from made_up_folders import course

from assignment_lib.data.attributes import TASKS
from assignment_lib.data.dataset import load
from assignment_lib.data.annotations import TRUTH_FILE, with_test_truth


def test_the_truth_beside_the_test_is_not_read(tmp_path):
    folder = course(tmp_path / "course")
    (folder / "test_truth.csv").write_text("folder,file,pid,camera\ntest,000000.jpg,5,1\n")
    assert set(load(folder).gallery["pid"]) == {-2}


def test_truth_of_a_converted_test_is_the_original(converted):
    original, folder = converted
    data = load(folder)
    assert not data.has_test_identities
    known = with_test_truth(data)
    assert known.has_test_identities
    assert known.train is data.train
    for part in ("query", "gallery"):
        ours, theirs = getattr(known, part), getattr(original, part)
        columns = ["pid", "camera", *TASKS]
        assert sorted(map(tuple, ours[columns].to_numpy())) == sorted(map(tuple, theirs[columns].to_numpy()))


def test_truth_that_does_not_fit_is_named(converted):
    folder = converted[1]
    data = load(folder)
    truth = pd.read_csv(folder / TRUTH_FILE, dtype={"file": str})
    first = data.gallery["file"][0]
    truth[(truth["file"] != first) | (truth["folder"] != "test")].to_csv(folder / TRUTH_FILE, index=False)
    with pytest.raises(ValueError, match=f"no row for test/{first}"):
        with_test_truth(data)
    truth.drop(columns="hat").to_csv(folder / TRUTH_FILE, index=False)
    with pytest.raises(ValueError, match="the column hat is missing"):
        with_test_truth(data)


def test_without_truth_nothing_changes(converted):
    assert with_test_truth(converted[0]) is converted[0]
