import os
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from assignment_lib.batches.loader import Batch
from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.reporting import board, plots


@pytest.fixture
def correct(make_table):
    """A table of 20 images and correct predictions for them."""
    table = make_table(5, 4)
    targets = target_tensor(table)
    probabilities = {task: torch.eye(len(classes))[targets[:, i]] for i, (task, classes) in enumerate(TASKS.items())}
    return table, Predictions(torch.rand(20, 3), probabilities)


def test_confusions_of_correct_predictions_are_diagonal(correct):
    table, predictions = correct
    confusions = plots.confusions(predictions, table)
    assert set(confusions) == set(TASKS)
    for task, counts in confusions.items():
        assert counts.sum() == counts.trace() == 20 and counts.shape == (len(TASKS[task]),) * 2
    with pytest.raises(ValueError, match="no attributes"):
        plots.confusions(predictions, table[["pid"]])


@pytest.mark.parametrize("attributes", [True, False])
def test_images_and_embeddings_are_logged(correct, tmp_path, monkeypatch, attributes):
    table, predictions = correct
    all_tasks = plots.confusions
    monkeypatch.setattr(plots, "confusions", lambda *given: {"hat": all_tasks(*given)["hat"]})  # for speed
    monkeypatch.setattr(board, "_PROJECTED", 12)
    if not attributes:
        table, predictions = table[["path", "file", "pid", "camera"]], Predictions(predictions.embeddings, {})
    batch = Batch(torch.rand(8, 3, 16, 8), None, None, torch.arange(8))
    images = torch.randint(0, 255, (20, 3, 16, 8), dtype=torch.uint8)
    board.add_images(tmp_path, batch, predictions, images, table, epoch=3)
    logged = set(EventAccumulator(str(tmp_path / "tensorboard")).Reload().Tags()["images"])
    assert logged == ({"augmented batch", "confusion"} if attributes else {"augmented batch"})
    (labels,) = (tmp_path / "tensorboard").rglob("metadata.tsv")
    lines = labels.read_text().splitlines()
    assert len(lines) == 13 and lines[0].split("\t")[:2] == ["pid", "camera"]
    assert ("long" in lines[1]) == attributes
    (vectors,) = (tmp_path / "tensorboard").rglob("tensors.tsv")
    assert len(vectors.read_text().splitlines()) == 12
    assert Path(os.environ["TENSORBOARD_BINARY"]).exists()  # for %tensorboard
