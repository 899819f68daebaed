import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib import score as door
from assignment_lib.data.attributes import TASKS, to_annotations
from assignment_lib.data.annotations import read_truth as read_truth_of_folder
from assignment_lib.environment import PROJECT_ROOT
from assignment_lib.evaluation.protocol import average_precision, score_each_query
from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.reporting import deliverables, score
from assignment_lib.reporting.handed_in import Truth


def made_up_truth(query_ids, gallery_ids, query_cameras, gallery_cameras):
    query = pd.DataFrame({"file": [f"{i:06d}.jpg" for i in range(len(query_ids))], "pid": query_ids})
    gallery = pd.DataFrame({"file": [f"{i:06d}.jpg" for i in range(len(gallery_ids))], "pid": gallery_ids})
    query, gallery = query.assign(camera=query_cameras), gallery.assign(camera=gallery_cameras)
    return Truth(query, gallery.assign(**{task: -1 for task in TASKS}))


def named(lists, truth):
    names = truth.gallery["file"].tolist()
    return {query: [names[i] for i in found] for query, found in zip(truth.query["file"], lists, strict=True)}


# one query of camera 1, person 1; the gallery: right · same camera · junk · distractor · right · another person
BY_HAND = made_up_truth([1, 5], [1, 1, -1, 0, 1, 2], [1, 1], [2, 1, 3, 3, 3, 2])


def test_scores_by_hand():
    scores, details = score.score_lists(named([[3, 1, 0, 2, 5, 4], [0]], BY_HAND), BY_HAND)
    assert details.loc[0].to_dict() == {
        "query": "000000.jpg", "pid": 1, "valid": True, "ap": pytest.approx((1 / 2 + 2 / 4) / 2), "first": 2,
        "found": 2, "missed": 0, "wrong": 2, "ignored": 2, "length": 4,
    }  # fmt: skip
    assert not details.loc[1, "valid"] and pd.isna(details.loc[1, "ap"])
    assert scores == {
        "mAP": 0.5, "rank1": 0, "rank5": 1, "rank10": 1, "precision": 0.5, "recall": 1, "f1": pytest.approx(2 / 3),
        "length": 4, "queries": 2, "scored": 1, "empty": 0,
    }  # fmt: skip


def test_a_missed_match_counts_nothing():
    scores, details = score.score_lists(named([[0], []], BY_HAND), BY_HAND)
    assert scores["mAP"] == 0.5 and scores["rank1"] == 1 and scores["recall"] == 0.5 and scores["empty"] == 1
    assert details.loc[0, "missed"] == 1
    scores, _ = score.score_lists(named([[], []], BY_HAND), BY_HAND)
    assert scores["mAP"] == scores["rank10"] == scores["f1"] == scores["length"] == 0


def test_where_cameras_are_unknown_only_junk_leaves():
    truth = made_up_truth([1], [1, 1, -1, 2], [-1], [-1, -1, -1, -1])
    scores, details = score.score_lists(named([[2, 3, 1, 0]], truth), truth)
    assert scores["mAP"] == pytest.approx((1 / 2 + 2 / 3) / 2) and details.loc[0, "ignored"] == 1


def test_nothing_to_find():
    truth = made_up_truth([1], [-1, -1], [1], [2, 2])
    with pytest.raises(ValueError, match="no query has a true match left"):
        score.score_lists(named([[0]], truth), truth)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31))
def test_random_lists_against_the_plain_protocol(seed):
    random = np.random.default_rng(seed)
    labels = [random.integers(low, 4, n) for low, n in ((-1, 5), (-1, 20), (1, 5), (1, 20))]
    labels[0][0], labels[1][0], labels[2][0], labels[3][0] = 2, 2, 1, 2  # one query at least is valid
    truth = made_up_truth(*labels)
    lists = [random.permutation(20)[: random.integers(0, 21)] for _ in range(5)]
    scores, details = score.score_lists(named(lists, truth), truth)
    aps = []
    for i, found in enumerate(lists):
        # the listed images first, in order; what is not listed is never reached, as if infinitely far
        similarity = np.full((1, 20), -np.inf)
        similarity[0, found] = -np.arange(len(found))
        one = [part[i : i + 1] if len(part) == 5 else part for part in labels]
        whole = score_each_query(similarity, *one) if labels[0][i] != -1 else pd.DataFrame()
        row = details.iloc[i]
        assert row["valid"] == bool(len(whole))
        if not row["valid"]:
            continue
        same = labels[1] == labels[0][i]
        dropped = (labels[1] == -1) | (same & (labels[3] == labels[2][i]))
        counting = [place for place in found if not dropped[place]]
        right = [bool(same[place]) for place in counting]
        matches = int((same & ~dropped).sum())
        ap = average_precision(right) * sum(right) / matches if any(right) else 0.0
        aps.append(ap)
        assert row["ap"] == pytest.approx(ap)
        assert (row["found"], row["missed"], row["wrong"]) == (
            sum(right), matches - sum(right), len(right) - sum(right),
        )  # fmt: skip
        assert row["length"] == len(counting) and row["ignored"] == len(found) - len(counting)
        if any(right):
            assert row["first"] == right.index(True) + 1 == whole["first"][0]
        if sum(right) == matches:
            assert ap == pytest.approx(whole["ap"][0])
    assert scores["mAP"] == pytest.approx(np.mean(aps))


def test_whole_lists_score_as_reid_scores_does():
    random = np.random.default_rng(0)
    query, gallery = (F.normalize(torch.from_numpy(random.standard_normal((n, 4))).float()) for n in (20, 90))
    labels = [
        random.integers(0, 6, 20),
        random.integers(-1, 6, 90),
        random.integers(0, 2, 20),
        random.integers(0, 2, 90),
    ]
    whole, truth = reid_scores(query, gallery, *labels), made_up_truth(*labels)
    lists = (query @ gallery.T).argsort(dim=1, descending=True, stable=True)
    scores, details = score.score_lists(named(lists.tolist(), truth), truth)
    for name in ("mAP", "rank1", "rank5", "rank10"):
        assert scores[name] == pytest.approx(getattr(whole, name))
    assert scores["scored"] == whole.valid_queries and scores["recall"] == 1
    np.testing.assert_allclose(details["ap"][details["valid"]], whole.ap)


def test_attributes_by_hand():
    truth = made_up_truth([1], [1, 1, 2, 0], [1], [2, 2, 2, 2])
    truth.gallery.loc[:2, list(TASKS)] = 0
    truth.gallery.loc[2, "hat"] = 1  # hat: no, no, yes; the distractor has no annotations
    predicted = pd.DataFrame({task: [0, 0, 0, 0] for task in TASKS}).assign(hat=[0, 1, 1, 1])
    tasks, classes = score.score_classes(predicted, truth)
    hat = tasks.set_index("task").loc["hat"].to_dict()
    assert hat == {
        "acc": pytest.approx(200 / 3), "macc": 75, "majority": pytest.approx(200 / 3), "chance": 50,
        "images per class": "no 2, yes 1",
    }  # fmt: skip
    assert tasks["task"].tolist() == [*TASKS, "average"] and tasks["images per class"].iloc[-1] == "3 images scored"
    of_hat = classes[classes["task"] == "hat"].drop(columns="task").to_numpy().tolist()
    assert of_hat == [["no", 2, 1, 1], ["yes", 1, 1, 2]]
    with pytest.raises(ValueError, match="no image of the truth has annotations"):
        score.score_classes(predicted, made_up_truth([1], [1], [1], [2]))


@pytest.fixture(scope="session")
def drawn(few_data, tmp_path_factory):
    """The three files of someone who knows the truth, and the folder in which it lies."""
    folder = tmp_path_factory.mktemp("handed in")
    truth = read_truth_of_folder(few_data.root)
    query, gallery = (truth[truth["folder"] == name].reset_index(drop=True) for name in ("queries", "test"))
    lists = [torch.from_numpy(np.flatnonzero(gallery["pid"] == pid)) for pid in query["pid"]]
    deliverables.write_reid_test(folder / "reid_test.txt", query["file"], gallery["file"], lists)
    sets = [found[: i % 3] for i, found in enumerate(lists)]
    deliverables.write_reid_sets(folder / "reid_sets.txt", query["file"], gallery["file"], sets)
    nothing = to_annotations(np.zeros((len(gallery), 12), np.int64))
    known = gallery[nothing.columns].notna().all(axis=1)
    nothing[known] = gallery.loc[known, nothing.columns].astype(int)
    nothing.insert(0, "id", gallery["file"])
    nothing.to_csv(folder / "classification_test.csv", index=False)
    return folder, few_data.root


def test_who_knows_the_truth_scores_all(drawn, tmp_path, capsys):
    folder, root = drawn
    assert score.main([str(folder), "--truth", str(root), "--details", str(tmp_path / "new" / "details")]) == 0
    printed = capsys.readouterr().out
    assert "100.0" in printed and "reid_sets.txt" in printed and "images per class" in printed
    details = {path.stem: pd.read_csv(path) for path in (tmp_path / "new" / "details").glob("*.csv")}
    assert set(details) == {"reid_test", "reid_sets", "attribute_tasks", "attribute_classes"}
    assert (details["reid_test"]["ap"].dropna() == 1).all() and (details["attribute_tasks"]["macc"] == 100).all()
    assert (details["attribute_classes"]["images"] == details["attribute_classes"]["recognised"]).all()


def test_files_are_taken_one_by_one(drawn, capsys):
    folder, root = drawn
    assert score.main([str(folder / "reid_test.txt"), "--truth", str(root / "test_truth.csv"), "--show", "0"]) == 0
    printed = capsys.readouterr().out
    assert "rank-10" in printed and "lowest AP" not in printed and "images per class" not in printed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["nowhere"], "nowhere is not there; check the name"),
        (["empty"], "has none of reid_test.txt, reid_sets.txt and classification_test.csv; give another folder"),
        (["a.txt", "b.txt"], "would both be reid_test.txt; give one of them"),
        (["a.md"], "ends with neither .txt nor .csv"),
        (["a.txt"], "a.txt: line 1 is not 'query.jpg: a.jpg, b.jpg'"),
    ],
)
def test_one_sentence_and_status_1(drawn, tmp_path, capsys, given, message):
    (tmp_path / "empty").mkdir()
    for name in ("a.txt", "b.txt", "a.md"):
        (tmp_path / name).write_text("nonsense")
    assert score.main([*[str(tmp_path / name) for name in given], "--truth", str(drawn[1])]) == 1
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and not printed.out


def test_folders_where_files_should_be(drawn, tmp_path, capsys):
    folder, root = drawn
    (tmp_path / "reid_test.txt").mkdir()
    assert score.main([str(tmp_path), "--truth", str(root)]) == 1
    assert "reid_test.txt is a folder; give the file itself" in capsys.readouterr().err
    assert score.main([str(folder), "--truth", str(tmp_path)]) == 1
    assert "is a folder; give the file itself" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert score.main([str(folder), "--truth", str(root), "--details", str(tmp_path / "file")]) == 1
    assert "file is a file; give a folder for the details" in capsys.readouterr().err


@pytest.mark.slow
def test_the_door_opens(drawn):
    folder, root = drawn
    command = [sys.executable, "-m", "assignment_lib.score", folder, "--truth", root]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert "mAP" in done.stdout and not done.stderr
    assert door.main is score.main
