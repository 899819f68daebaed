"""Images from elsewhere reach training and nothing else."""

import numpy as np
import pandas as pd
import pytest
import torch

from assignment_lib.data import sources, split
from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.training.assembly import Split
from assignment_lib.translation import adding


def table(people, each=3, first=1, attributes=True):
    pids = np.repeat(np.arange(first, first + people), each)
    rows = pd.DataFrame({"path": "x", "file": [f"{first}-{i}" for i in range(len(pids))], "pid": pids})
    rows["camera"] = np.arange(len(pids)) % 3 + 1
    return rows.assign(**{task: pids % len(classes) for task, classes in TASKS.items()}) if attributes else rows


def made(rows, value=0):
    return torch.full((len(rows), 3, 8, 8), value, dtype=torch.uint8)


def a_split():
    own = table(4)
    none = made(own[:0])
    return Split("own", own, made(own), own[:0], none, none, "nobody", True)


def test_added_people_are_people_of_their_own():
    others = table(2, first=1)  # the same numbers, other people
    both = adding.with_added(a_split(), others, made(others, 9))
    assert both.train["source"].tolist() == ["labelled"] * 12 + ["added"] * 6
    assert both.train["pid"].tolist()[12:] == [5, 5, 5, 6, 6, 6]
    assert set(both.train["camera"][12:]).isdisjoint(both.train["camera"][:12])
    assert both.train_images[12:].eq(9).all() and len(both.train_images) == 18
    assert list(both.train.columns) == [*a_split().train.columns, "source"]
    assert (target_tensor(both.train)[12:] == target_tensor(others)).all()


def test_without_attributes_they_are_unknown():
    others = table(2, attributes=False)
    both = adding.with_added(a_split(), others, made(others))
    assert (target_tensor(both.train)[12:] == -1).all()


def test_styled_images_keep_person_and_attributes():
    own = a_split()
    places, cameras = adding.other_cameras(own.train, 2)
    both = adding.with_styles(own, places, cameras, made(own.train.iloc[places], 7))
    styled = both.train[12:].reset_index(drop=True)
    originals = own.train.iloc[places].reset_index(drop=True)
    assert (styled["pid"] == originals["pid"]).all() and (styled["camera"] != originals["camera"]).all()
    assert (styled["original"] == originals["file"]).all() and (styled["gender"] == originals["gender"]).all()
    found = sources.copies(both.train)
    assert found[:12].tolist() == [[12 + 2 * i, 13 + 2 * i] for i in range(12)] and (found[12:] == -1).all()


def test_other_cameras_are_others_and_no_one_twice():
    rows = table(5, each=6)
    places, cameras = adding.other_cameras(rows, 2, seed=3)
    pairs = list(zip(places.tolist(), cameras.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) == 60
    assert all(rows["camera"][place] != camera for place, camera in pairs)
    assert len(adding.other_cameras(rows, 9)[0]) == 60  # three cameras: two others
    assert len(adding.other_cameras(rows.assign(camera=1), 2)[0]) == 0


def test_both_together_and_nobody_added_is_validated_on():
    own = a_split()
    places, cameras = adding.other_cameras(own.train, 1)
    both = adding.with_styles(own, places, cameras, made(own.train.iloc[places]))
    others = table(6)
    both = adding.with_added(both, others, made(others))
    assert both.train["source"].value_counts().to_dict() == {"added": 18, "labelled": 12, "styled": 12}
    train, validation = split.split_table(both.train, 0.25)
    assert validation["source"].unique().tolist() == ["labelled"] and validation["pid"].nunique() == 1
    assert set(train["pid"]).isdisjoint(validation["pid"])  # and no styled image of the validation person
    assert len(train) == 18 + 9 + 9
    assert (sources.copies(train) >= 0).sum() == 9


def test_what_does_not_fit_is_said():
    others = table(2)
    with pytest.raises(ValueError, match="one image a row"):
        adding.with_added(a_split(), others, made(others)[:-1])
    with pytest.raises(ValueError, match="decoded at the recipe's image_size"):
        adding.with_added(a_split(), others, made(others)[:, :, :4])
    with pytest.raises(ValueError, match="labelled, cluster, added, styled, not 'bought'"):
        sources.of_source(others.assign(source="bought"), "added")
