import json

import numpy as np
import pandas as pd
import pytest
import torch

from assignment_lib import environment
from assignment_lib.batches.loader import Batch
from assignment_lib.data.attributes import TASKS
from assignment_lib.training import ablations, assembly, checkpoints, recipes

TINY = recipes.changed(
    recipes.Recipe("tiny"), ablation_epochs=1, ablation_seeds=2, ablation_image_size=(64, 32), pretrained=False,
    backbone="mobilenetv3_small_050",
)  # fmt: skip
TWO = [ablations.ROWS[0], next(row for row in ablations.ROWS if row.network == "baseline")]
CPU = torch.device("cpu")


def quiet(line):
    pass


@pytest.mark.parametrize("name", ["report", "strong"])
def test_every_row_changes_a_setting_that_the_recipe_has(name):
    base = recipes.recipe(name)
    has, rows = recipes.flat(base), ablations.rows_of(base)
    assert rows == (ablations.STRONG_ROWS if name == "strong" else ablations.ROWS)
    assert rows[0].group == "base" and "base" not in {row.group for row in rows[1:]}
    assert all(set(row.changes) <= set(has) for row in rows)
    settings = [(row.network, row.size, *sorted(row.changes.items())) for row in rows]
    assert len(set(settings)) == len(settings)
    assert len({ablations.folder_of(row, 0, environment.PROJECT_ROOT) for row in rows}) == len(rows)
    for row in rows:
        assert all(has[field] != value for field, value in row.changes.items()), row.name


def test_a_row_that_would_repeat_the_base_is_excluded():
    rows = {row.name for row in ablations.rows_of(recipes.recipe("report", backbone="resnet18"))}
    assert {row.name for row in ablations.ROWS} - rows == {"ResNet-18, ImageNet"}


def test_the_budget_of_a_row():
    """6 of 20 epochs: 6/20 of the warm-up, no early stopping, and the row's own share of the image size."""
    base = recipes.recipe("strong", ablation_image_size=(192, 96), ablation_epochs=6, warmup_epochs=1.0, epochs=20)
    whole, *_, half = (ablations.row_recipe(base, 2, row) for row in ablations.STRONG_ROWS)
    assert (whole.seed, whole.training.epochs, whole.training.patience) == (2, 6, 6)
    assert whole.training.warmup_epochs == pytest.approx(0.3)
    assert (whole.data.image_size, half.data.image_size) == ((192, 96), (96, 48))
    own = ablations.Row("x", "x", {"image_size": (64, 32), "warmup_epochs": 2.0})
    assert ablations.row_recipe(base, 0, own).data.image_size == (64, 32)
    assert ablations.row_recipe(base, 0, own).training.warmup_epochs == 2.0


BUILT = [(TINY, row) for row in ablations.ROWS] + [
    (recipes.recipe("strong", ablation_image_size=(64, 32)), row) for row in ablations.STRONG_ROWS
]


@pytest.mark.parametrize(("base", "row"), BUILT, ids=lambda value: value.name)
def test_every_row_builds_and_takes_a_step(base, row, few_split):
    """Network and objective of each row, without downloads."""
    recipe = ablations.row_recipe(base, 0, row._replace(changes=row.changes | {"pretrained": False}))
    recipe = recipes.changed(recipe, image_size=(64, 32), batch_size=8)
    assemble = assembly.baseline if row.network == "baseline" else assembly.joint
    training = assemble(few_split, recipe, CPU)
    targets = torch.zeros(4, len(TASKS), dtype=torch.int64)
    batch = Batch(torch.rand(4, 3, 64, 32), targets, torch.arange(4) % 2, torch.arange(4))
    total, losses, _ = training.objective(training.network(batch.images), batch)
    total.backward()
    assert total.isfinite() and all(loss.isfinite() for loss in losses.values())


@pytest.fixture(scope="module")
def few_split(few_data):
    recipe = recipes.changed(TINY, image_size=(64, 32), distractors="none")
    return assembly.decoded_split(few_data, recipe)


@pytest.fixture(scope="module")
def measured(few_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablations")
    lines = []
    return few_data, folder, ablations.run(few_data, TINY, folder, CPU, TWO, log=lines.append), lines


@pytest.mark.slow
def test_results_of_two_rows_and_two_seeds(measured):
    _, folder, results, lines = measured
    assert [(result["name"], result["seed"]) for result in results] == [(row.name, s) for s in (0, 1) for row in TWO]
    assert len(lines) == 4 and lines[0].startswith(f"base: {ablations.BASE}, seed 0:")
    assert all(0 < result["mAP"] <= 1 and 0 <= result["macc"] <= 1 and result["amp"] == "float32" for result in results)
    assert not list(folder.rglob("*.pt")), "only the numbers are kept"
    assert len(list(folder.glob("*/result.json"))) == 4


@pytest.mark.slow
def test_a_second_call_measures_nothing_again(measured, monkeypatch):
    data, folder, results, _ = measured
    monkeypatch.setattr(assembly, "decoded_split", None)
    again = ablations.run(data, TINY, folder, CPU, TWO, log=quiet)
    assert again == json.loads(json.dumps(results))


@pytest.mark.slow
def test_another_recipe_and_a_damaged_result_are_measured_again(few_data, tmp_path):
    row, base = TWO[1], recipes.changed(TINY, ablation_seeds=1)
    first = ablations.run(few_data, recipes.changed(base, weight_decay=0.5), tmp_path, CPU, [row], log=quiet)
    (place,) = tmp_path.iterdir()
    (place / "result.json").write_text('{"fingerprint": {')  # as a full disk leaves it; then the recipe changed
    second = ablations.run(few_data, base, tmp_path, CPU, [row], log=quiet)
    assert [result[0]["fingerprint"]["weight_decay"] for result in (first, second)] == [0.5, 0.01]
    assert json.loads((place / "result.json").read_text()) == json.loads(json.dumps(second[0]))


def test_an_unfinished_row_of_another_recipe_is_trained_again(few_split, tmp_path):
    row, lines = TWO[1], []
    place = ablations.folder_of(row, 0, tmp_path)
    place.mkdir()
    checkpoints.save({"fingerprint": {"seed": 9}}, place / "last.pt")
    result = ablations.measure(row, 0, TINY, few_split, tmp_path, CPU, lines.append)
    assert result["name"] == row.name and lines[0].startswith("epoch")


def test_rows_without_a_connection_are_reported_once(few_data, tmp_path, monkeypatch):
    def offline(*_):
        raise ConnectionError("the ImageNet weights of resnet18 could not be downloaded")

    monkeypatch.setattr(assembly, "joint", offline)
    rows = [row for row in ablations.ROWS if row.group == "backbone" and "ImageNet" in row.name]
    lines = []
    assert ablations.run(few_data, recipes.changed(TINY, pretrained=True), tmp_path, CPU, rows, log=lines.append) == []
    assert len(lines) == 1 and "ResNet-18, ImageNet" in lines[0] and "could not be downloaded" in lines[0]


@pytest.mark.slow
def test_a_row_that_fails_or_is_in_use_does_not_end_the_table(measured, monkeypatch):
    data, folder, _, _ = measured
    lines, anew = [], folder / "anew"

    def failing(*_):
        raise RuntimeError("Expected more than 1 value per channel when training")

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "joint", failing)
        found = ablations.run(data, TINY, anew, CPU, TWO, seeds=[0], log=lines.append)
    assert [result["name"] for result in found] == [TWO[1].name]
    assert lines[0].startswith("failed") and TWO[0].name in lines[0] and "more than 1 value" in lines[0]
    with checkpoints.lock(ablations.folder_of(TWO[0], 0, anew)):
        found = ablations.run(data, TINY, anew, CPU, TWO, seeds=[0], log=lines.append)
    assert [result["name"] for result in found] == [TWO[1].name] and "another process" in lines[-2]


def test_the_student_interval_by_hand():
    """Student's t for 3 values at 95 % is 4.303; the standard deviation of 1, 2, 3 is 1."""
    half = 4.3027 / 3**0.5
    assert ablations.student_interval(np.array([1.0, 2.0, 3.0])) == pytest.approx((2, 2 - half, 2 + half), abs=1e-3)
    assert ablations.student_interval(np.array([5.0, 5.0])) == (5, 5, 5)
    mean, *ends = ablations.student_interval(np.array([1.0]))
    assert mean == 1 and np.isnan(ends).all() and np.isnan(ablations.student_interval(np.array([]))).all()
    runs = pd.DataFrame({"Seed": [0, 1, 2], "mAP": [1.0, 2.0, 3.0], "Acc": [5.0, 5.0, 5.0]})
    table = ablations.mean_and_interval(runs)
    assert table["Figure"].tolist() == ["Acc", "mAP"] and table["Mean"].tolist() == [5, 2]
    assert table["±"].tolist() == pytest.approx([0, half], abs=1e-3)
