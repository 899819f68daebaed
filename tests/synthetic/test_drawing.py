import re

import numpy as np
import pandas as pd
import pytest
from drawn_people import TINY, files
from PIL import Image

from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.truth import read_truth
from assignment_lib.synthetic import draw
from assignment_lib.synthetic.marker import FOLDERS
from assignment_lib.synthetic.shares import SHARES, class_counts
from assignment_lib.synthetic.studio import Studio


def test_names_and_counts_are_those_asked_for(small):
    train, test, queries = (sorted(path.name for path in (small / name).iterdir()) for name in FOLDERS)
    assert (len(train), len(test), len(queries)) == (150, 80, 20)
    assert all(re.fullmatch(r"\d{4}_c[1-6]s[1-3]_\d{6}_\d{2}\.jpg", name) for name in train)
    assert len({name[:4] for name in train}) == 24
    assert test == [f"{number:06d}.jpg" for number in range(80)]
    assert queries == [f"{number:06d}.jpg" for number in range(20)]
    for path in (small / "train" / train[0], small / "test" / test[0]):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 128))


def test_annotations_are_read_by_to_targets(small):
    table = pd.read_csv(small / "annotations_train.csv")
    assert list(table.columns) == ["id", *ANNOTATION_COLUMNS]
    targets = to_targets(table)
    assert sorted(table["id"]) == sorted({int(path.name[:4]) for path in (small / "train").iterdir()})
    for task, classes in TASKS.items():  # 24 identities are enough for two of each of ten classes
        counts = np.bincount(targets[task], minlength=len(classes))
        assert counts.min() >= 2, task
        expected = class_counts(SHARES[task], 24, 2)
        assert counts.tolist() == expected.tolist()


def test_training_and_test_identities_differ(small):
    train = {int(path.name[:4]) for path in (small / "train").iterdir()}
    tested = set(read_truth(small).query("pid > 0")["pid"])
    assert len(tested) == 12 and not train & tested


def test_truth_names_every_test_image(small):
    table = read_truth(small)
    for folder in ("test", "queries"):
        there = {path.name for path in (small / folder).iterdir()}
        assert set(table.loc[table["folder"] == folder, "file"]) == there
    assert not table.duplicated(["folder", "file"]).any()
    people = table["pid"] > 0
    assert table.loc[~people, CLASSIFICATION_COLUMNS].isna().all(axis=None)
    to_targets(table.loc[people, CLASSIFICATION_COLUMNS])
    assert (table.loc[people].groupby("pid")[CLASSIFICATION_COLUMNS].nunique() == 1).all(axis=None)


def test_distractors_and_junk_are_in_the_gallery_only(small):
    counts = (
        read_truth(small)
        .groupby("folder")["pid"]
        .agg(junk=lambda pid: (pid == -1).sum(), distractors=lambda pid: (pid == 0).sum())
    )
    assert counts.loc["test"].to_dict() == {"junk": 7, "distractors": 10}
    assert counts.loc["queries"].to_dict() == {"junk": 0, "distractors": 0}


def test_every_query_is_in_the_gallery_by_its_own_and_by_another_camera(small):
    table = read_truth(small)
    gallery = table[table["folder"] == "test"]
    for query in table[table["folder"] == "queries"].itertuples():
        seen = set(gallery.loc[gallery["pid"] == query.pid, "camera"])
        assert query.camera in seen and seen - {query.camera}


def test_file_order_says_nothing_about_people(small):
    pids = read_truth(small).query("folder == 'test' and pid > 0").sort_values("file")["pid"].to_numpy()
    assert (pids[1:] == pids[:-1]).mean() < 0.4  # in order of drawing it would be above 0.8


def test_truth_of_another_folder_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"test_truth\.csv.*synthetic\.draw"):
        read_truth(tmp_path)


def test_same_arguments_same_bytes(tiny, tmp_path):
    one = files(tiny)
    assert one == files(draw(tmp_path / "two", **TINY))
    other = files(draw(tmp_path / "three", seed=1, **TINY))
    assert one["test/000000.jpg"] != other["test/000000.jpg"]


@pytest.mark.parametrize("cameras", [2, 9])
def test_number_of_cameras(tmp_path, monkeypatch, cameras):
    monkeypatch.setattr(Studio, "picture", lambda self, shot: b"")  # the names tell
    arguments = TINY | dict(train_identities=12, train_images=80, cameras=cameras)
    folder = draw(tmp_path / "set", **arguments)
    assert {int(path.name[6]) for path in (folder / "train").iterdir()} == set(range(1, cameras + 1))
