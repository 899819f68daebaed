import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.truth import read_truth
from assignment_lib.synthetic import dataset as synthetic
from assignment_lib.synthetic.person import Pose, person, render

TINY = dict(train_identities=4, test_identities=3, train_images=8, queries=3, gallery=9, progress=False)
SMALL = dict(
    train_identities=24, test_identities=12, train_images=150, queries=20, gallery=80, distractors=10, junk=7, seed=3
)
PLAIN = dict.fromkeys(TASKS, 0) | {"age": 1, "clothes": 1, "upcolor": 5, "downcolor": 5}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return synthetic.draw(tmp_path_factory.mktemp("drawn") / "small", progress=False, **SMALL)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def look(yaw: float = 0.0, seed: int = 5, **changes: int) -> tuple[np.ndarray, np.ndarray]:
    """Colours and cover of a plain person with some attributes changed, all else equal."""
    return render(person(list((PLAIN | changes).values()), np.random.default_rng(seed)), Pose(yaw=yaw, phase=0.8))


# --- layout ----------------------------------------------------------------------------------------------------------


def test_names_and_counts_are_those_asked_for(small):
    train, test, queries = (sorted(path.name for path in (small / name).iterdir()) for name in synthetic._FOLDERS)
    assert (len(train), len(test), len(queries)) == (150, 80, 20)
    assert all(re.fullmatch(r"\d{4}_c[1-6]s[1-3]_\d{6}_\d{2}\.jpg", name) for name in train)
    assert len({name[:4] for name in train}) == 24
    assert test == [f"{number:06d}.jpg" for number in range(80)]
    assert queries == [f"{number:06d}.jpg" for number in range(20)]
    for path in (small / "train" / train[0], small / "test" / test[0]):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 128))


def test_defaults_follow_from_the_identities():
    settings = synthetic._settings(80, 80, 6, None, None, None, None, None, 0)
    assert (settings["train_images"], settings["queries"], settings["gallery"]) == (1040, 160, 700)
    assert (settings["distractors"], settings["junk"]) == (84, 42)


def test_annotations_are_read_by_to_targets(small):
    table = pd.read_csv(small / "annotations_train.csv")
    assert list(table.columns) == ["id", *ANNOTATION_COLUMNS]
    targets = to_targets(table)
    assert sorted(table["id"]) == sorted({int(path.name[:4]) for path in (small / "train").iterdir()})
    for task, classes in TASKS.items():  # 24 identities are enough for two of each of ten classes
        counts = np.bincount(targets[task], minlength=len(classes))
        assert counts.min() >= 2, task
        expected = synthetic.class_counts(synthetic.SHARES[task], 24, 2)
        assert counts.tolist() == expected.tolist()


def test_training_and_test_persons_differ(small):
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


def test_file_order_says_nothing_about_persons(small):
    pids = read_truth(small).query("folder == 'test' and pid > 0").sort_values("file")["pid"].to_numpy()
    assert (pids[1:] == pids[:-1]).mean() < 0.4  # in order of drawing it would be above 0.8


def test_truth_of_another_folder_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"test_truth\.csv.*synthetic\.draw"):
        read_truth(tmp_path)


# --- drawn once, drawn again -----------------------------------------------------------------------------------------


def test_same_arguments_same_bytes(tmp_path):
    one = files(synthetic.draw(tmp_path / "one", **TINY))
    assert one == files(synthetic.draw(tmp_path / "two", **TINY))
    other = files(synthetic.draw(tmp_path / "three", seed=1, **TINY))
    assert one["test/000000.jpg"] != other["test/000000.jpg"]


def test_a_complete_folder_is_left_alone_and_others_are_drawn_anew(tmp_path):
    folder = synthetic.draw(tmp_path / "set", **TINY)
    whole = files(folder)
    image = folder / "test" / "000000.jpg"
    image.write_bytes(b"kept")
    assert synthetic.draw(folder, **TINY) == folder
    assert image.read_bytes() == b"kept"
    (folder / "train" / sorted(path.name for path in (folder / "train").iterdir())[0]).unlink()
    assert files(synthetic.draw(folder, **TINY)) == whole
    assert files(synthetic.draw(folder, seed=1, **TINY)) != whole


def test_a_crash_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    folder, pictures = tmp_path / "set", []

    def crash(self, shot):
        if len(pictures) == 5:
            raise KeyboardInterrupt
        pictures.append(shot)
        return b"half"

    with monkeypatch.context() as patch:
        patch.setattr(synthetic.Studio, "picture", crash)
        with pytest.raises(KeyboardInterrupt):
            synthetic.draw(folder, **TINY)
    assert not folder.exists()
    synthetic.draw(folder, **TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert b"half" not in files(folder).values()


@pytest.mark.parametrize("where", ["set", "set.part"])
def test_a_foreign_folder_is_refused_untouched(tmp_path, where):
    (tmp_path / where).mkdir()
    (tmp_path / where / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="give another folder"):
        synthetic.draw(tmp_path / "set", **TINY)
    assert (tmp_path / where / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("place", ["notes.txt", "train/notes.txt"])
def test_a_file_added_to_a_drawn_folder_is_not_lost(tmp_path, place):
    folder = synthetic.draw(tmp_path / "set", **TINY)
    (folder / place).write_text("mine")
    with pytest.raises(FileExistsError, match=re.escape(place)):
        synthetic.draw(folder, seed=1, **TINY)
    assert (folder / place).read_text() == "mine"


def test_older_drawings_are_replaced(tmp_path, monkeypatch):
    folder = synthetic.draw(tmp_path / "set", **TINY)
    monkeypatch.setattr(synthetic, "VERSION", synthetic.VERSION + 1)
    synthetic.draw(folder, **TINY)
    assert json.loads((folder / "synthetic.json").read_text())["version"] == synthetic.VERSION


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(cameras=1), "cameras"),
        (dict(train_images=7), "train_images"),
        (dict(gallery=5), "gallery"),
        (dict(junk=-1), "negative"),
        (dict(test_identities=9_999), "9999"),
    ],
)
def test_counts_that_do_not_fit_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        synthetic.draw(tmp_path / "set", **(TINY | changes))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("cameras", [2, 9])
def test_number_of_cameras(tmp_path, cameras):
    arguments = TINY | dict(train_identities=12, train_images=80, cameras=cameras)
    folder = synthetic.draw(tmp_path / "set", **arguments)
    assert {int(path.name[6]) for path in (folder / "train").iterdir()} == set(range(1, cameras + 1))


# --- shares ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [20, 80, 751])
def test_class_counts_are_near_the_shares_and_leave_no_class_out(count):
    for task, shares in synthetic.SHARES.items():
        counts = synthetic.class_counts(shares, count, 2)
        assert len(counts) == len(TASKS[task]) and counts.sum() == count
        assert counts.min() >= 2
        wanted = np.maximum(np.array(shares) * count, 2)
        assert np.abs(counts - wanted).max() <= 2 * len(shares)
    assert synthetic.class_counts(synthetic.SHARES["age"], 751, 2).tolist() == [14, 569, 160, 8]


def test_attributes_go_together_as_they_do_outside():
    people = pd.DataFrame(synthetic.allocate(300, np.random.default_rng(0), 2), columns=list(TASKS))
    female = people["gender"] == 1
    assert female[people["clothes"] == 0].mean() > 0.95
    assert female[people["hair"] == 1].mean() > 0.9
    assert people.groupby(list(TASKS)).size().max() >= 3  # some people are dressed alike


# --- what can be seen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [task for task, classes in TASKS.items() if len(classes) == 2])
@pytest.mark.parametrize("yaw", [0.0, np.pi / 2, np.pi])
def test_every_binary_attribute_shows_from_every_side(task, yaw):
    seen = []
    for value in (0, 1):
        colors, cover = look(yaw, **{task: value})
        seen.append(colors * cover + 120 * (1 - cover))
    changed = np.abs(seen[0] - seen[1]).max(2) > 25
    assert changed.sum() >= 40


def test_ages_differ_in_shape():
    heights, heads = [], []
    for age in range(4):
        cover = look(age=age)[1][..., 0] > 0.5
        rows = np.flatnonzero(cover.any(1))
        heights.append(len(rows))
        top = cover[rows[0] : rows[0] + len(rows) // 8].sum(1).max()
        heads.append(top / len(rows))
    assert heights[0] < 0.92 * min(heights[1], heights[2])
    assert heads[0] > 1.25 * max(heads[1], heads[2])


def test_a_child_an_adult_and_an_old_person_differ_from_a_teenager():
    teenager = look(age=1)[0]
    assert all((np.abs(look(age=age)[0] - teenager).max(2) > 25).sum() > 150 for age in (0, 2, 3))


def middle_color(task: str, name: str, rows: slice) -> np.ndarray:
    """Mean colour of the middle of the body; from behind, where no print is, over several people."""
    means = []
    for seed in range(4):
        colors, cover = look(0.0, seed, **{task: TASKS[task].index(name)})
        region = colors[rows, 26:38][cover[rows, 26:38, 0] > 0.9]
        means.append(np.median(region, axis=0))
    return np.mean(means, axis=0)


@pytest.mark.parametrize("task, rows", [("upcolor", slice(38, 56)), ("downcolor", slice(70, 84))])
def test_colors_have_their_name(task, rows):
    seen = {name: middle_color(task, name, rows) for name in TASKS[task] if name != "multicolor"}
    assert max(seen["black"]) < 60 and min(seen["white"]) > 170
    assert np.ptp(seen["gray"]) < 30 and 60 < seen["gray"].mean() < 170
    assert seen["blue"].argmax() == 2 and seen["green"].argmax() == 1
    assert min(seen["yellow"][:2]) > seen["yellow"][2] + 60
    assert seen["purple"].argmin() == 1
    if task == "upcolor":
        assert seen["red"][0] > 2 * max(seen["red"][1:])
    else:
        assert seen["pink"].argmax() == 0 and seen["pink"].min() > 90
        assert seen["brown"][0] > seen["brown"][1] > seen["brown"][2]


def test_multicolor_has_more_than_one_color():
    def variety(**changes):
        colors, cover = look(0.0, 7, **changes)
        region = colors[36:62, 24:40][cover[36:62, 24:40, 0] > 0.9]
        chroma = region / region.sum(1, keepdims=True)
        return chroma.std(0).max()

    assert variety(upcolor=8) > 3 * variety(upcolor=6)


def test_people_of_equal_attributes_are_not_equal():
    one, two = look(seed=1), look(seed=2)
    assert np.abs(one[0] - two[0]).mean() > 3


def test_cameras_differ_and_one_walk_is_alike(small):
    pictures = {}
    for path in sorted((small / "train").iterdir()):
        key = path.name[:4], path.name[6]
        pictures.setdefault(key, []).append(np.asarray(Image.open(path), np.float32))
    cameras = {}
    for (_, camera), images in pictures.items():
        cameras.setdefault(camera, []).extend(image.mean((0, 1)) for image in images)
    means = np.array([np.mean(colors, 0) for _, colors in sorted(cameras.items())])
    distances = np.linalg.norm(means[:, None] - means, axis=2)[np.triu_indices(6, 1)]
    assert distances.min() > 5 and np.median(distances) > 40

    def difference(a, b):
        return np.abs(a.mean((0, 1)) - b.mean((0, 1))).max()

    same = [difference(images[0], image) for images in pictures.values() for image in images[1:]]
    others = [
        difference(images[0], others[0])
        for (pid, camera), images in pictures.items()
        for (pid2, camera2), others in pictures.items()
        if pid == pid2 and camera < camera2
    ]
    assert np.median(others) > 3 * np.median(same)
