import pytest

from assignment_lib.training import estimates
from assignment_lib.training.costs import Cost, Costs
from assignment_lib.training.recipes import recipe

GPU = estimates.Gpu("made up", 100.0, 10.0, 1000.0, 16.0)


def test_each_bound_by_hand(monkeypatch):
    monkeypatch.setattr(estimates, "COMPUTE_SHARE", 0.5)
    monkeypatch.setattr(estimates, "BANDWIDTH_SHARE", 0.25)
    monkeypatch.setattr(estimates, "OPERATION_SECONDS", 1e-5)
    found = estimates.bounds(Cost(1e14, 1e12, 0, 300_000), 100.0, 1000.0)
    assert found == pytest.approx({"FLOPs": 2.0, "bytes": 4.0, "Python": 3.0})


def test_the_longest_bound_decides():
    none = Cost(0, 0, 0, 0)
    row = estimates.estimate(recipe("report"), Costs(Cost(1e9, 1e9, 0, 0), none, none, none, 0), GPU)
    assert row["images/s"] == row["images/s by bytes"] < row["images/s by FLOPs"]
    assert row["images/s by Python"] == float("inf")


def test_a_row_by_hand(monkeypatch):
    monkeypatch.setattr(estimates, "COMPUTE_SHARE", 0.5)
    none = Cost(0, 0, 0, 0)
    # an image of a step takes 1 ms, a predicted one 2 ms; 64 of them keep 64 MB, 1 MB for the step, 100 MB of weights
    of = Costs(Cost(5e10, 0, 1e6, 0), Cost(0, 0, 1e6, 0), Cost(1e10, 0, 0, 0), none, 1e8)
    chosen = recipe("report", image_size=(10, 10), validation_share=0.25, epochs=3)
    row = estimates.estimate(chosen, of, GPU)
    trained, validated = 0.75 * 12_936, 0.25 * 12_936 + 19_732
    assert row["images/s"] == pytest.approx(1000)
    assert row["epoch, s"] == pytest.approx(trained * 0.001 + validated * 0.002)
    assert row["of it training"] == pytest.approx(trained * 0.001 / (trained * 0.001 + validated * 0.002))
    assert row["all epochs, min"] == pytest.approx(3 * row["epoch, s"] / 60)
    assert row["test, s"] == pytest.approx(23_100 * 0.002)
    assert row["memory, GB"] == pytest.approx((1e8 + 65e6 + 300 * trained) / 1e9)
    alone = estimates.estimate(recipe("report", distractors="none", validation_share=0.25), of, GPU)
    assert alone["epoch, s"] == pytest.approx(trained * 0.001 + 0.25 * 12_936 * 0.002)


def test_images_that_are_too_many_for_the_gpu_stay_outside():
    of = Costs(*[Cost(1, 1, 0, 1)] * 4, 0)
    large = recipe("report", image_size=(1000, 1000))
    assert estimates.estimate(large, of, GPU)["memory, GB"] == 0


def test_the_tables_have_a_row_a_recipe_and_gpu(monkeypatch, capsys):
    monkeypatch.setattr(estimates, "costs", lambda chosen, identities: Costs(*[Cost(1e9, 1e6, 1e6, 10)] * 4, 1e8))
    assert estimates.main(["--recipes", "report", "strong"]) == 0
    out = capsys.readouterr().out
    assert out.count("| report") == 1 + 3 and out.count("| strong") == 1 + 3 and out.count("| A100") == 2
