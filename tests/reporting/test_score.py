import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from assignment_lib import score as public
from assignment_lib.data.annotations import Truth, read_truth
from assignment_lib.data.attributes import TASKS
from assignment_lib.environment import PROJECT_ROOT
from assignment_lib.reporting import output_files, score


def made_up_truth(query_ids, gallery_ids, query_cameras, gallery_cameras):
    query = pd.DataFrame({"file": [f"q{i}.jpg" for i in range(len(query_ids))], "pid": query_ids})
    gallery = pd.DataFrame({"file": [f"{i}.jpg" for i in range(len(gallery_ids))], "pid": gallery_ids})
    query, gallery = query.assign(camera=query_cameras), gallery.assign(camera=gallery_cameras)
    return Truth(query, gallery.assign(**{task: -1 for task in TASKS}))


def named(lists, truth):
    names = truth.gallery["file"].tolist()
    return {query: [names[i] for i in listed] for query, listed in zip(truth.query["file"], lists, strict=True)}


# one query of person 1 in camera 1; gallery: match, same camera, junk, distractor, match, another person
BY_HAND = made_up_truth([1, 5], [1, 1, -1, 0, 1, 2], [1, 1], [2, 1, 3, 3, 3, 2])


def test_cross_camera_scores_by_hand():
    scores, details = score.score_lists(named([[3, 1, 0, 2, 5, 4], [0]], BY_HAND), BY_HAND)
    assert details.loc[0].to_dict() == {
        "query": "q0.jpg", "pid": 1, "valid": True, "ap": pytest.approx((1 / 2 + 2 / 4) / 2), "first": 2,
        "found": 2, "missed": 0, "wrong": 2, "ignored": 2, "length": 4,
    }  # fmt: skip
    assert not details.loc[1, "valid"] and pd.isna(details.loc[1, "ap"])
    assert scores == {
        "mAP": 0.5, "rank1": 0, "rank5": 1, "rank10": 1, "precision": 0.5, "recall": 1, "f1": pytest.approx(2 / 3),
        "length": 4, "queries": 2, "scored": 1, "empty": 0,
    }  # fmt: skip


def test_attributes_by_hand():
    truth = made_up_truth([1], [1, 1, 2, 0], [1], [2, 2, 2, 2])
    truth.gallery.loc[:2, list(TASKS)] = 0
    truth.gallery.loc[2, "hat"] = 1  # hat: no, no, yes; the distractor has no annotations
    predicted = pd.DataFrame({task: [0, 0, 0, 0] for task in TASKS}).assign(hat=[0, 1, 1, 1])
    tasks, classes = score.score_classes(predicted, truth)
    third = pytest.approx(200 / 3)
    assert tasks.set_index("task").loc["hat"].to_dict() == {"acc": third, "macc": 75, "majority": third, "chance": 50}
    assert tasks["task"].tolist() == [*TASKS, "average"]
    hat = classes[classes["task"] == "hat"].drop(columns="task").to_numpy().tolist()
    assert hat == [["no", 2, 1, 1], ["yes", 1, 1, 2]]
    with pytest.raises(ValueError, match="no attributes"):
        score.score_classes(predicted, made_up_truth([1], [1], [1], [2]))


@pytest.fixture(scope="session")
def perfect(few_data, tmp_path_factory):
    """Output files that contain the truth of the drawn data set, and the folder of the truth."""
    folder = tmp_path_factory.mktemp("output files")
    truth = read_truth(few_data.root)
    names = truth.query["file"].tolist(), truth.gallery["file"].tolist()
    lists = [torch.from_numpy(np.flatnonzero(truth.gallery["pid"] == pid)) for pid in truth.query["pid"]]
    output_files.write_reid_test(folder / "reid_test.txt", *names, lists)
    output_files.write_reid_test(folder / "reid_sets.txt", *names, [listed[: i % 3] for i, listed in enumerate(lists)])
    classes = torch.tensor(truth.gallery[list(TASKS)].clip(lower=0).to_numpy())
    output_files.write_classification_test(folder / "classification_test.csv", names[1], classes)
    return folder, few_data.root


def test_perfect_files_have_perfect_scores_by_both_protocols(perfect, tmp_path, capsys):
    folder, root = perfect
    assert score.main([str(folder), "--truth", str(root), "--details", str(tmp_path / "new" / "details")]) == 0
    printed = capsys.readouterr().out
    assert printed.count(score.COURSE) == 2 and printed.count(score.CROSS_CAMERA) == 3 and "100.0" in printed
    details = {path.stem: pd.read_csv(path) for path in (tmp_path / "new" / "details").glob("*.csv")}
    assert set(details) == {
        "reid_test", "reid_test_course", "reid_sets", "reid_sets_course", "attribute_tasks", "attribute_classes",
    }  # fmt: skip
    assert all((details[name]["ap"].dropna() == 1).all() for name in ("reid_test", "reid_test_course"))
    assert (details["attribute_tasks"]["macc"] == 100).all()
    assert (details["attribute_classes"]["images"] == details["attribute_classes"]["recognised"]).all()


def test_a_test_without_valid_queries_is_scored_by_the_other_protocol(perfect, tmp_path, capsys):
    table = pd.read_csv(perfect[1] / "test_truth.csv", dtype=str)
    table.assign(camera="1").to_csv(tmp_path / "test_truth.csv", index=False)
    assert score.main([str(perfect[0] / "reid_test.txt"), "--truth", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert f"Not scored {score.CROSS_CAMERA}" in printed and "100.0" in printed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere", "nowhere does not exist"),
        ("empty", "has none of reid_test.txt"),
        ("deep", "deep/runs/mine has; pass that folder"),
        ("spelled", "rename it to reid_test.txt"),
        ("zipped", "archive mine.zip; unpack it"),
        ("zipped/mine.zip", "archive mine.zip; unpack it"),
        ("empty/notes.txt", "rename it to one of reid_test.txt"),
        ("deep/runs/mine/reid_test.txt", "reid_test.txt: line 1"),
    ],
)
def test_faults_get_one_sentence_and_status_1(perfect, tmp_path, capsys, given, message):
    for name in ("deep/runs/mine/reid_test.txt", "spelled/reid_test.TXT", "zipped/mine.zip", "empty/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("nonsense")
    assert score.main([str(tmp_path / given), "--truth", str(perfect[1])]) == 1
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and not printed.out


@pytest.mark.slow
def test_the_command_runs(perfect):
    command = [sys.executable, "-m", "assignment_lib.score", perfect[0], "--truth", perfect[1]]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert "mAP" in done.stdout and not done.stderr
    assert public.main is score.main
