import json

from assignment_lib.reporting import metrics_file


def test_metrics_keep_what_an_earlier_notebook_wrote(tmp_path):
    scores = {"average": {"acc": 0.5, "macc": 0.25}}
    path = tmp_path / "run" / "metrics.json"
    metrics_file.write_metrics(path, attributes=scores, seed=1)
    metrics_file.write_metrics(path, test={"mAP": 0.5})
    assert json.loads(path.read_text()) == {"attributes": scores, "seed": 1, "test": {"mAP": 0.5}}
