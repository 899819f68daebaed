"""What is drawn where images are of several sources."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.batches import balance, mixing, samplers
from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.data.split import pid_labels


def people(own=10, added=4, styled=2, each=4):
    """`own` people of the data set with `styled` copies an image, and `added` ones, who are all old women in dresses."""
    pids = np.repeat(np.arange(own + added), each)
    rows = pd.DataFrame({"file": [f"{i}" for i in range(len(pids))], "pid": pids, "camera": np.arange(len(pids)) % 3})
    rows["source"] = np.where(pids < own, "labelled", "added")
    for task, classes in TASKS.items():
        rows[task] = np.where(pids < own, pids % len(classes), len(classes) - 1)
    copies = rows[rows["source"] == "labelled"].loc[lambda own: own.index.repeat(styled)]
    copies = copies.assign(source="styled", original=copies["file"], file=[f"copy {i}" for i in range(len(copies))])
    return pd.concat([rows, copies], ignore_index=True)


def drawn(table, kind="weighted", size=16, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    cameras = torch.from_numpy(table["camera"].to_numpy().copy())
    return mixing.mixed_sampler_and_weights(
        kind, table, target_tensor(table), pid_labels(table), size, generator, cameras, **options
    )


@pytest.mark.parametrize("kind", samplers.SAMPLERS)
def test_a_fixed_part_of_each_batch_is_added(kind):
    table = people(styled=0)
    sampler, _ = drawn(table, kind, added_share=0.25)
    positions = list(sampler)
    assert len(positions) == len(sampler) == 40 // 16 * 16  # as many batches as 40 labelled images have
    for batch in np.array(positions).reshape(-1, 16):
        assert (table["source"].to_numpy()[batch] == "added").sum() == 4
        if kind in ("identities", "pairs"):
            counts = table["pid"].iloc[batch].value_counts()
            assert set(counts) == {4 if kind == "identities" else 2}


@pytest.mark.parametrize("kind", samplers.SAMPLERS)
def test_a_share_of_the_images_is_shown_in_another_look(kind):
    table = people(own=50, added=0)
    sampler, _ = drawn(table, kind, styled_share=0.25)
    shown = table.iloc[[position for _ in range(20) for position in sampler]]
    assert (shown["source"] == "styled").mean() == pytest.approx(0.25, abs=0.03)
    plain, _ = drawn(table, kind, styled_share=0.0)
    assert (table["source"].iloc[list(plain)] == "labelled").all()
    # it is the same person: batches stay what the sampler made of them
    sampler, _ = drawn(table, kind, styled_share=0.9, seed=4)
    plain, _ = drawn(table, kind, styled_share=0.0, seed=4)
    assert table["pid"].iloc[list(sampler)].tolist() == table["pid"].iloc[list(plain)].tolist()


def test_class_weights_are_those_of_the_labelled_people_unless_asked():
    table = people(styled=1)
    own = table[table["source"] == "labelled"]
    for kind in ("uniform", "weighted"):
        _, alone = drawn(own.drop(columns=["source", "original"]), kind)
        _, without = drawn(table, kind)
        assert all(torch.equal(without[task], alone[task]) for task in TASKS)
        _, both = drawn(table, kind, added_weights=True)
        assert not torch.allclose(both["clothes"], alone["clothes"])
    # a quarter of the draws is added: the share of "pants", the last class, is 3/4 of what it was and 1/4
    _, both = drawn(table, "uniform", added_weights=True)
    share = 0.75 * (own["clothes"] == 1).mean() + 0.25
    assert both["clothes"].tolist() == pytest.approx([1 / (2 * (1 - share)), 1 / (2 * share)], rel=1e-5)


def test_expected_weights_with_added_people_match_what_is_drawn():
    table = people(styled=0)
    sampler, weights = drawn(table, "weighted", added_weights=True)
    positions = [position for _ in range(400) for position in sampler]
    measured = balance.by_task(balance.class_weights(target_tensor(table.iloc[positions])))
    for task in ("clothes", "gender", "hat"):
        torch.testing.assert_close(measured[task], weights[task], rtol=0.05, atol=0.02)


def test_without_sources_nothing_changes():
    table = people(added=0, styled=0).drop(columns=["source", "original"])
    generator = torch.Generator().manual_seed(0)
    wanted, _ = samplers.sampler_and_weights("weighted", target_tensor(table), pid_labels(table), 16, generator)
    assert list(drawn(table)[0]) == list(wanted)


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0, 0.99), size=st.integers(8, 32), kind=st.sampled_from(("weighted", "uniform")))
def test_any_share_leaves_room_for_labelled_people(share, size, kind):
    table = people()
    if round(share * size) >= size:
        with pytest.raises(ValueError, match="leaves no room"):
            drawn(table, kind, size, added_share=share)
        return
    positions = np.array(list(drawn(table, kind, size, added_share=share, styled_share=0.0)[0]))
    assert share == 0 or len(positions) % size == 0  # without added images the last batch need not be full
    positions = positions[: len(positions) // size * size].reshape(-1, size)
    found = (table["source"].to_numpy()[positions] == "added").sum(1)
    assert (found == (max(1, round(share * size)) if share else 0)).all()


@pytest.mark.parametrize("name", ["added_share", "styled_share"])
def test_a_share_is_a_share(name):
    with pytest.raises(ValueError, match=f"{name}=1.5 is a share"):
        drawn(people(), **{name: 1.5})
