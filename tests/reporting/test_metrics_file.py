import json

import pytest

from assignment_lib.data.attributes import TASKS
from assignment_lib.environment import Settings
from assignment_lib.reporting import metrics_file


def test_metrics_keep_what_an_earlier_notebook_wrote(tmp_path):
    scores = {"average": {"acc": 0.5, "macc": 0.25}}
    path = tmp_path / "run" / "metrics.json"
    metrics_file.write_metrics(path, attributes=scores, seed=1)
    metrics_file.write_metrics(path, test={"mAP": 0.5})
    assert json.loads(path.read_text()) == {"attributes": scores, "seed": 1, "test": {"mAP": 0.5}}


ATTRIBUTES = {task: {"acc": 0.5, "macc": 0.25} for task in (*TASKS, "average")}
REID = {"mAP": 0.3, "rank1": 0.2, "rank5": 0.5, "rank10": 0.6, "mINP": 0.1}
OURS = Settings("course", "smoke")


@pytest.fixture
def written(tmp_path, monkeypatch):
    """`written(recipe, **content)`: the metrics of a run of `recipe`, in a runs folder of this test's own."""
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path))

    def write(recipe, **content):
        whole = {"recipe": recipe, "seed": 0, "backbone": OURS.backbone, "pretrained": True}
        whole |= {"attributes": ATTRIBUTES, "reid": REID}
        path = Settings("course", recipe).folder / "metrics.json"
        metrics_file.write_metrics(path, **(whole | content))
        return path

    return write


def test_other_recipes_on_the_same_data(written):
    lines = []
    written("report", test={"reid": REID})
    written("strong")
    written("smoke")
    found = metrics_file.other_recipes(OURS, lines.append)
    assert list(found) == ["report", "strong"] and lines == []
    assert list(metrics_file.other_recipes(Settings("course", "strong"))) == ["report"]
    assert metrics_file.part(found, "attributes") == {"report": ATTRIBUTES, "strong": ATTRIBUTES}
    assert metrics_file.part(found, "test", "reid") == {"report": REID}


def test_the_committed_tables_do_not_depend_on_runs(written, monkeypatch):
    for recipe in ("report", "strong"):
        path = Settings("synthetic", recipe).folder / "metrics.json"
        path.parent.mkdir(parents=True)
        path.write_text(written(recipe).read_text())
    assert metrics_file.other_recipes(Settings(seed=0, recipe="report")) != {}
    assert metrics_file.other_recipes(Settings(), lambda line: pytest.fail(line)) == {}


@pytest.mark.parametrize(
    "content",
    ["{", "[]", b"\xff\xfe", '{"reid": {"mAP": 0.5}}', '{"attributes": 3}', '{"test": 5}', '{"reid": {"mAP": "high"}}'],
)
def test_damaged_files_are_left_out_with_a_sentence(written, content):
    path = written("report")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    lines = []
    assert metrics_file.other_recipes(OURS, lines.append) == {}
    assert lines[0].startswith("without report: course-report/metrics.json is damaged (")
    assert lines[1] == "strong was not run on this data; run the notebooks with RECIPE=strong to have it beside smoke"


def test_scores_beyond_their_range_are_damage(written):
    path = written("report", reid=REID | {"mAP": 30})
    with pytest.raises(ValueError, match="a score is no number between 0 and 1"):
        metrics_file.read_metrics(path)


def test_other_settings_are_no_comparison(written):
    written("report", seed=1, backbone="resnet18")
    path = written("strong")
    path.write_text(json.dumps({"answers": {}}))  # of notebook 05 alone
    lines = []
    assert metrics_file.other_recipes(OURS, lines.append) == {}
    assert "other settings (seed 1, not 0, backbone resnet18, not efficientnet_lite0)" in lines[0]
    assert lines[1].startswith("without strong: notebook 04 has written nothing")
