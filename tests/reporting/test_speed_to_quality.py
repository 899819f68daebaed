import pandas as pd
import pytest

from assignment_lib.reporting import speed_to_quality as speed


def history(scores, seconds=60.0, macc=0.5):
    """One row an epoch; mAP as given, the same time and mAcc each."""
    return pd.DataFrame(
        {
            "epoch": range(1, len(scores) + 1),
            "seconds": seconds,
            "reid/mAP": scores,
            "attributes/average/macc": macc,
            "attributes/average/acc": 0.7,
        }
    )


@pytest.fixture
def runs():
    """report keeps its third of four epochs, 3 minutes; strong has 90 seconds an epoch and passes .30 in its second."""
    return pd.concat(
        [
            speed.epochs(history([0.1, 0.2, 0.3, 0.29]), "report", 0),
            speed.epochs(history([0.25, 0.3, 0.5], seconds=90.0), "strong", 0),
        ],
        ignore_index=True,
    )


def test_epochs_by_hand(runs):
    assert list(runs.columns) == speed.COLUMNS
    assert runs["minutes"].tolist() == [1, 2, 3, 4, 1.5, 3, 4.5]
    assert runs["mAP"].tolist()[4:] == [25, 30, 50] and set(runs["mAcc"]) == {50} and set(runs["acc"]) == {70}
    alone = speed.epochs(history([0.1]).drop(columns=["attributes/average/macc", "attributes/average/acc"]), "x", 1)
    assert alone[["mAcc", "acc"]].isna().all(axis=None)


def test_the_final_figure_is_that_of_the_kept_epoch(runs):
    assert speed.final(runs, "report").to_numpy().tolist() == [[0, 3, 3.0, 30.0, 4.0]]
    # an epoch with a lower mAP is kept where its mAcc outweighs that
    runs.loc[1, "mAcc"] = 80
    assert speed.final(runs, "report")["epoch"].tolist() == [2]
    assert speed.final(runs.assign(mAcc=float("nan")), "report")["epoch"].tolist() == [3]
    with pytest.raises(ValueError, match="there is no training of 'market', only of 'report', 'strong'"):
        speed.final(runs, "market")


def test_first_epoch_at_or_above_the_reference(runs):
    passed = speed.passing(runs)
    assert passed.to_numpy().tolist() == [["strong", 0, 30.0, 3.0, 2, 3.0, 30.0, 1.0]]
    assert speed.sentence(passed, "strong") == "strong passes report's final mAP after 3 of 3 minutes"
    lower = speed.passing(runs[runs["epoch"] == 1])  # against a report of one epoch
    assert lower[["final mAP", "of", "minutes", "share"]].to_numpy().tolist() == [[10.0, 1.0, 1.5, 1.5]]


def test_never_there_is_said(runs):
    runs.loc[runs["recipe"] == "strong", "mAP"] = 20.0
    passed = speed.passing(runs)
    assert passed[["epoch", "minutes", "share"]].isna().all(axis=None)
    assert speed.sentence(passed, "strong") == "strong does not reach report's final mAP"


def test_each_seed_is_held_against_its_own_people(runs):
    """Seed 1 of report ends at 40 after 2 minutes; strong's seed 5 has no partner and is held against the mean, 35."""
    more = [
        speed.epochs(history([0.2, 0.4]), "report", 1),
        speed.epochs(history([0.3, 0.39, 0.41]), "strong", 1),
        speed.epochs(history([0.34, 0.36]), "strong", 5),
        speed.epochs(history([0.1, 0.1]), "strong", 6),
    ]
    passed = speed.passing(pd.concat([runs, *more])).set_index("seed")
    assert passed["final mAP"].tolist() == [30, 40, 35, 35] and passed["of"].tolist() == [3, 2, 2.5, 2.5]
    assert passed["minutes"].tolist()[:3] == [3, 3, 2]
    said = speed.sentence(passed.reset_index(), "strong")
    assert said == "strong passes report's final mAP after 3 of 2 minutes (in 3 of 4 seeds)"
    assert "(mean of 2 seeds)" in speed.sentence(passed.loc[[0, 1]].reset_index(), "strong")


def test_from_folders_to_the_committed_numbers(tmp_path, capsys):
    paths = []
    for recipe, scores in (("report", [0.1, 0.2]), ("strong", [0.2, 0.3])):
        paths.append(tmp_path / f"my-course-{recipe}" / "joint-efficientnet_lite0-seed3" / "history.csv")
        paths[-1].parent.mkdir(parents=True)
        history(scores).to_csv(paths[-1], index=False)
    out = tmp_path / "speed.csv"
    assert speed.main([*map(str, paths), "--out", str(out)]) == 0
    assert "strong passes report's final mAP after 1 of 2 minutes" in capsys.readouterr().out
    pd.testing.assert_frame_equal(speed.read(out), speed.read_histories(paths), check_dtype=False)
    assert out.read_text().splitlines()[:2] == [
        "recipe,seed,epoch,minutes,mAP,mAcc,acc",
        "report,3,1,1.0,10.0,50.0,70.0",
    ]


def test_what_is_no_history_is_named(tmp_path):
    elsewhere = tmp_path / "history.csv"
    history([0.1]).to_csv(elsewhere, index=False)
    with pytest.raises(ValueError, match=r"history\.csv does not lie in <data>-<recipe>"):
        speed.read_histories([elsewhere])
    with pytest.raises(ValueError, match=r"no history\.csv was named"):
        speed.read_histories([])
    folder = tmp_path / "x-report" / "joint-y-seed0"
    folder.mkdir(parents=True)
    (folder / "history.csv").write_bytes(b"\x80\xff\x00")
    with pytest.raises(ValueError, match="cannot be read as a table"):
        speed.read_histories([folder / "history.csv"])
    with pytest.raises(ValueError, match="the history of report, seed 0, has no column reid/mAP"):
        speed.epochs(history([0.1]).drop(columns="reid/mAP"), "report", 0)
    with pytest.raises(ValueError, match="has no epoch"):
        speed.epochs(history([]), "report", 0)
    with pytest.raises(ValueError, match=r"history\.csv has no column recipe, seed"):
        speed.read(elsewhere)
