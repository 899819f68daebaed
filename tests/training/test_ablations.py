import json

import pytest
import torch

from assignment_lib import environment
from assignment_lib.training import ablation_rows, ablations, checkpoints, parts, recipes

TINY = recipes.changed(
    recipes.Recipe("tiny"),
    ablation_epochs=1,
    ablation_seeds=2,
    ablation_image_size=(64, 32),
    pretrained=False,
    amp="off",
)
TWO = [ablation_rows.ROWS[0], next(row for row in ablation_rows.ROWS if row.network == "baseline")]
CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["report", "strong"])
def test_every_row_changes_something_that_the_recipe_has(name):
    base = recipes.recipe(name)
    has, rows = recipes.flat(base), ablation_rows.rows_of(base)
    assert rows == (ablation_rows.STRONG_ROWS if name == "strong" else ablation_rows.ROWS)
    assert rows[0].group == "base" and "base" not in {row.group for row in rows[1:]}
    assert all(set(row.changes) <= set(has) for row in rows)
    settings = [(row.network, row.size, *sorted(row.changes.items())) for row in rows]
    assert len(set(settings)) == len(settings)
    assert len({ablations.folder_of(row, 0, environment.PROJECT_ROOT) for row in rows}) == len(rows)
    for row in rows:
        assert all(has[field] != value for field, value in row.changes.items()), row.name


def test_a_row_that_would_repeat_the_base_is_left_out():
    names = {row.name for row in ablation_rows.rows_of(recipes.recipe("market"))}
    assert "no BN neck" in names and "half the height and width" in names and "nothing frozen" not in names
    of_resnet = {row.name for row in ablation_rows.rows_of(recipes.recipe("report", backbone="resnet18"))}
    everything = {row.name for row in ablation_rows.ROWS}
    assert everything - of_resnet == {"ResNet-18, ImageNet"}


def test_the_budget_of_a_row():
    """6 of 20 epochs: 6/20 of the warm-up, no patience, and a row's own size beside the budget's."""
    base = recipes.recipe("strong", ablation_image_size=(192, 96), ablation_epochs=6, warmup_epochs=1.0, epochs=20)
    whole, *_, half = (ablations._recipe(base, 2, row) for row in ablation_rows.STRONG_ROWS)
    assert (whole.seed, whole.training.epochs, whole.training.patience) == (2, 6, 6)
    assert whole.training.warmup_epochs == pytest.approx(0.3)
    assert (whole.data.image_size, half.data.image_size) == ((192, 96), (96, 48))
    own = ablation_rows.Row("x", "x", {"image_size": (64, 32), "warmup_epochs": 2.0})
    assert ablations._recipe(base, 0, own).data.image_size == (64, 32)
    assert ablations._recipe(base, 0, own).training.warmup_epochs == 2.0
    assert ablations._recipe(recipes.recipe("report"), 0, TWO[0]).training.warmup_epochs == 0.0


def test_a_row_of_its_own_size_sees_images_of_that_size(few_data, tmp_path, monkeypatch):
    seen, decoded = [], ablations.assembly.decoded_split

    def measured(row, seed, base, split, *_, **__):
        seen.append((row.name, seed, tuple(split.train_images.shape[2:]), tuple(split.crowd_images.shape[2:])))
        return dict.fromkeys(("group", "name", "acc", "macc", "mAP", "rank1")) | {"seed": 0, "images_per_second": 1}

    monkeypatch.setattr(ablations, "measure", measured)
    calls = []
    monkeypatch.setattr(ablations.assembly, "decoded_split", lambda *given: calls.append(0) or decoded(*given))
    first, *_, last = ablation_rows.STRONG_ROWS
    base = recipes.changed(TINY, name="strong")
    ablations.run(few_data, base, tmp_path, CPU, [first, ablation_rows.STRONG_ROWS[1], last], [0], log=lambda _: None)
    assert [shapes for _, _, *shapes in seen] == [[(64, 32)] * 2, [(64, 32)] * 2, [(32, 16)] * 2]
    assert len(calls) == 2, "the other rows share their images"


def test_a_line_tells_its_speed_where_a_person_watches(monkeypatch):
    result = {"group": "g", "name": "n", "seed": 1, "acc": None, "macc": 0.5, "mAP": 0.25, "rank1": 0.1}
    result["images_per_second"] = 60
    monkeypatch.delenv("ASSIGNMENT_UNATTENDED", raising=False)
    assert ablations._line(result) == "g: n, seed 1:  mAcc 50.0  mAP 25.0  rank-1 10.0  60 images/s"
    monkeypatch.setenv("ASSIGNMENT_UNATTENDED", "1")
    assert ablations._line(result) == "g: n, seed 1:  mAcc 50.0  mAP 25.0  rank-1 10.0"


def test_the_command_line_takes_the_rows_of_its_recipe(monkeypatch):
    taken = []
    monkeypatch.setattr(ablations, "load", lambda _: None)
    monkeypatch.setattr(ablations, "run", lambda _, base, folder, device, rows, *__: taken.append((base, rows)))
    ablations.main(["--recipe", "strong", "--size", "64", "32", "--epochs", "2"])
    ablations.main(["--recipe", "report", "--short"])
    assert taken[0][1] == list(ablation_rows.STRONG_ROWS)
    assert taken[0][0].ablation.ablation_image_size == (64, 32)
    assert taken[1][1] == [row for row in ablation_rows.ROWS if row.short]


BUILT = [(TINY, row) for row in ablation_rows.ROWS] + [
    (recipes.recipe("strong", ablation_image_size=(64, 32)), row) for row in ablation_rows.STRONG_ROWS
]


@pytest.mark.parametrize(("base", "row"), BUILT, ids=lambda value: value.name)
def test_every_row_builds_and_takes_a_step(base, row):
    """Network and objective of each row, on four images; without the downloads."""
    from assignment_lib.batches.loader import Batch
    from assignment_lib.data.attributes import TASKS

    settings = ablations._recipe(base, 0, row._replace(changes=row.changes | {"pretrained": False}))
    weights = {task: torch.ones(len(classes)) for task, classes in TASKS.items()}
    if row.network == "baseline":
        network, objective = parts.baseline_network(settings), parts.attribute_objective(settings, weights)
    else:
        network = parts.joint_network(settings, 2)
        objective = parts.joint_objective(settings, weights, network, 2)
    batch = Batch(torch.rand(4, 3, 64, 32), torch.zeros(4, 12, dtype=torch.int64), torch.arange(4) % 2, torch.arange(4))
    total, losses, _ = objective(network(batch.images), batch)
    total.backward()
    assert total.isfinite() and all(loss.isfinite() for loss in losses.values())


@pytest.fixture(scope="module")
def measured(few_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablations")
    lines = []
    return few_data, folder, ablations.run(few_data, TINY, folder, CPU, TWO, log=lines.append), lines


@pytest.mark.slow
def test_results_of_two_rows_and_two_seeds(measured):
    _, folder, results, lines = measured
    assert [(result["name"], result["seed"]) for result in results] == [(row.name, s) for s in (0, 1) for row in TWO]
    assert len(lines) == 4 and lines[0].startswith(f"base: {ablation_rows.BASE}, seed 0:")
    assert results[0]["parameters"] > 1e6 > results[1]["parameters"]
    assert all(0 < result["mAP"] <= 1 and 0 <= result["macc"] <= 1 for result in results)
    assert not list(folder.rglob("*.pt"))  # the numbers are what is kept
    assert len(list(folder.glob("*/result.json"))) == 4


@pytest.mark.slow
def test_a_second_call_measures_nothing_again(measured, monkeypatch):
    data, folder, results, _ = measured
    monkeypatch.setattr(ablations, "_train", None)
    again = ablations.run(data, TINY, folder, CPU, TWO, log=lambda line: None)
    assert again == json.loads(json.dumps(results))


@pytest.mark.slow
def test_two_processes_share_the_rows(measured):
    data, folder, results, _ = measured
    parts = [ablations.run(data, TINY, folder, CPU, TWO, part=(i, 2), log=lambda line: None) for i in (1, 2)]
    names = [(result["name"], result["seed"]) for part in parts for result in part]
    assert sorted(names) == sorted((result["name"], result["seed"]) for result in results)


@pytest.mark.slow
def test_another_recipe_is_measured_anew(few_data, tmp_path):
    row, smaller = TWO[1], recipes.changed(TINY, baseline_learning_rate=1e-5, ablation_seeds=1)
    first = ablations.run(few_data, smaller, tmp_path, CPU, [row], log=lambda line: None)
    (place,) = tmp_path.iterdir()
    (place / "result.json").unlink()  # stopped between training and writing, then the recipe changed
    second = ablations.run(few_data, TINY, tmp_path, CPU, [row], seeds=[0], log=lambda line: None)
    assert first[0]["fingerprint"]["baseline_learning_rate"] == 1e-5
    assert second[0]["fingerprint"]["baseline_learning_rate"] == TINY.baseline.baseline_learning_rate


def test_a_download_that_fails_leaves_its_row_out(few_data, tmp_path, monkeypatch):
    def offline(*_):
        raise ConnectionError("the ImageNet weights of resnet18 could not be downloaded")

    monkeypatch.setattr(ablations.assembly, "joint", offline)
    rows = [row for row in ablation_rows.ROWS if row.group == "backbone" and "ImageNet" in row.name]
    lines = []
    base = recipes.changed(TINY, pretrained=True)
    assert ablations.run(few_data, base, tmp_path, CPU, rows, log=lines.append) == []
    assert len(lines) == 1 and "left out ResNet-18, ImageNet: the ImageNet weights" in lines[0]  # asked once


@pytest.mark.slow
def test_a_row_that_another_process_is_at_is_left_to_it(measured):
    data, folder, _, _ = measured
    place = ablations.folder_of(TWO[1], 0, folder)
    (place / "result.json").rename(place / "put_aside.json")
    lines = []
    with checkpoints.only_here(place):
        found = ablations.run(data, TINY, folder, CPU, TWO, seeds=[0], log=lines.append)
    assert [result["name"] for result in found] == [TWO[0].name]
    assert lines[-1] == f"left to the other process that is at it: {TWO[1].name}, seed 0"
    (place / "put_aside.json").rename(place / "result.json")


@pytest.mark.slow
def test_a_row_that_fails_does_not_end_the_table(measured, monkeypatch):
    data, folder, _, _ = measured

    def too_large(*_):
        raise MemoryError("the GPU's memory does not hold a batch of 64")

    monkeypatch.setattr(ablations.assembly, "joint", too_large)
    lines = []
    found = ablations.run(data, TINY, folder / "anew", CPU, TWO, seeds=[0], log=lines.append)
    assert [result["name"] for result in found] == [TWO[1].name]
    assert lines[0].startswith(f"left out {TWO[0].name}, seed 0: the GPU's memory does not hold")
