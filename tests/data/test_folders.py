"""Which files in a folder are its images."""

import shutil

from made_up_folders import TRAIN_NAMES, course

from assignment_lib.data.dataset import load


def test_suffixes_clutter_and_case(tmp_path):
    folder = course(tmp_path / "course")
    for name in ("0002_c1s1_9.JPG", "0007_c1.jpeg", "0007_c2.Png", "0011_c1.BMP"):
        shutil.copy(folder / "train" / TRAIN_NAMES[0], folder / "train" / name)
    for name in ("._0002_c1.jpg", ".DS_Store", "Thumbs.db", "readme.txt", "0002_c1.txt"):
        (folder / "train" / name).write_bytes(b"x")
    (folder / "train" / "0002_c9.jpg").mkdir()
    (folder / "train").rename(folder / "Train")
    data = load(folder)
    assert len(data.train) == len(TRAIN_NAMES) + 4
    assert "0011_c1.BMP" in set(data.train["file"])
