import os
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from assignment_lib.batches.loader import Batch
from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.reporting import board


@pytest.fixture
def right(make_table):
    """A table of 20 images and the predictions that are right about them."""
    table = make_table(5, 4)
    targets = target_tensor(table)
    probabilities = {task: torch.eye(len(classes))[targets[:, i]] for i, (task, classes) in enumerate(TASKS.items())}
    return table, Predictions(torch.rand(20, 3), probabilities)


def test_confusion_matrices_of_right_predictions_are_diagonal(right):
    table, predictions = right
    found = board.confusions(predictions, table)
    assert set(found) == set(TASKS)
    for task, matrix in found.items():
        assert matrix.sum() == matrix.trace() == 20 and matrix.shape == (len(TASKS[task]),) * 2


@pytest.mark.parametrize("attributes", [True, False])
def test_what_the_board_gets(right, tmp_path, monkeypatch, attributes):
    table, predictions = right
    all_twelve = board.confusions
    # one matrix shows as well as twelve that they arrive
    monkeypatch.setattr(board, "confusions", lambda *given: {"hat": all_twelve(*given)["hat"]})
    if not attributes:
        table, predictions = table[["path", "file", "pid", "camera"]], Predictions(predictions.embeddings, {})
    batch = Batch(torch.rand(8, 3, 16, 8), None, None, torch.arange(8))
    images = torch.randint(0, 255, (20, 3, 16, 8), dtype=torch.uint8)
    board.add_pictures(tmp_path, batch, predictions, images, table, epoch=3, most=12)
    shown = set(EventAccumulator(str(tmp_path / "tensorboard")).Reload().Tags()["images"])
    assert shown == ({"augmented batch", "confusion"} if attributes else {"augmented batch"})
    (labels,) = (tmp_path / "tensorboard").rglob("metadata.tsv")
    lines = labels.read_text().splitlines()
    assert len(lines) == 13 and lines[0].split("\t")[:2] == ["pid", "camera"]
    assert ("long" in lines[1]) == attributes
    (vectors,) = (tmp_path / "tensorboard").rglob("tensors.tsv")
    assert len(vectors.read_text().splitlines()) == 12


def test_confusions_need_attributes(right):
    table, predictions = right
    with pytest.raises(ValueError, match="the table has no attributes"):
        board.confusions(predictions, table[["pid"]])


def test_the_magic_finds_the_program_of_this_environment():
    assert Path(os.environ["TENSORBOARD_BINARY"]).exists()
