import numpy as np
import pandas as pd
import pytest
import torch

from assignment_lib.batches import samplers
from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.data.split import pid_labels
from assignment_lib.training import joining
from assignment_lib.training.assembly import Split


@pytest.fixture
def unlabelled():
    names = [f"{i:06d}.jpg" for i in range(6)]
    return pd.DataFrame({"path": ["/test/" + n for n in names], "file": names, "camera": [-1, -1, 2, 5, -1, -1]})


LABELS = np.array([1, -1, 0, 1, 0, -1])


def test_clusters_are_new_people_after_the_labelled_ones(make_table, unlabelled):
    labelled = make_table(10, 2)
    table = joining.joined_table(labelled, unlabelled, LABELS)
    assert table[labelled.columns][:20].equals(labelled) and list(table.index) == list(range(24))
    added = table[20:]
    assert added["file"].tolist() == [unlabelled["file"][i] for i in (0, 2, 3, 4)]
    assert added["camera"].tolist() == [-1, 2, 5, -1]
    assert (added["pid"] - labelled["pid"].max()).tolist() == [2, 1, 2, 1]
    assert (added[list(TASKS)] == -1).all(axis=None)
    assert table["source"].tolist() == ["labelled"] * 20 + ["cluster"] * 4
    assert all(table[name].dtype == labelled[name].dtype for name in labelled.columns)
    people = pid_labels(table)
    assert torch.equal(people[:20], pid_labels(labelled)) and people[20:].tolist() == [11, 10, 11, 10]


def test_names_and_attributes_of_the_unlabelled_are_not_looked_at(make_table, unlabelled):
    labelled = make_table(10, 2)
    named = unlabelled.assign(pid=labelled["pid"][0], **dict.fromkeys(TASKS, 0))
    assert joining.joined_table(labelled, named, LABELS).equals(joining.joined_table(labelled, unlabelled, LABELS))


def test_without_attributes_there_are_none(make_table, unlabelled):
    table = joining.joined_table(make_table(10, 2).drop(columns=list(TASKS)), unlabelled, LABELS)
    assert list(table.columns) == ["path", "file", "pid", "camera", "source"] and len(table) == 24


def test_labels_of_other_images_are_refused(make_table, unlabelled):
    with pytest.raises(ValueError, match="3 labels for 6 unlabelled images"):
        joining.joined_table(make_table(10, 2), unlabelled, LABELS[:3])


def test_images_follow_their_rows(make_table, unlabelled):
    labelled = make_table(3, 2)
    images = torch.arange(12, dtype=torch.uint8)[:, None, None, None].expand(12, 3, 4, 2)
    split = Split("made up", labelled, images[:6], labelled[:0], images[:0], images[:0], "nobody", True)
    both = joining.joined(split, unlabelled, images[6:], LABELS)
    assert both.train_images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert len(both.train) == 10 and both.validation is split.validation


@pytest.mark.parametrize("kind", samplers.SAMPLERS)
def test_samplers_draw_clusters_and_weigh_classes_by_labelled_people_alone(make_table, unlabelled, kind):
    labelled = make_table(10, 2)
    table = joining.joined_table(labelled, unlabelled, LABELS)

    def made(table):
        cameras, generator = torch.tensor(table["camera"].to_numpy()), torch.Generator().manual_seed(0)
        return samplers.sampler_and_weights(kind, target_tensor(table), pid_labels(table), 8, generator, cameras)

    sampler, weights = made(table)
    _, alone = made(labelled)
    assert all(torch.equal(weights[task], alone[task]) for task in TASKS)
    seen = torch.tensor([position for _ in range(10) for position in sampler])
    assert set(range(20, 24)) <= set(seen.tolist())
    if kind == "pairs":  # two different images of a cluster, whose cameras are unknown or not
        first, second = seen[::2], seen[1::2]
        assert torch.equal(pid_labels(table)[first], pid_labels(table)[second])
        assert (first[first >= 20] != second[first >= 20]).all()
