from dataclasses import replace

import pytest
import torch

from assignment_lib.data.images import decode
from assignment_lib.training import assembly, crowd, recipes

SMALL = recipes.recipe("smoke", image_size=(64, 32))


def decoded(table):
    return decode(table["path"], (64, 32), progress=False).images


def test_the_test_is_the_crowd(few_data):
    found = crowd.choose(few_data, few_data.train, SMALL, decoded, [decoded(few_data.train)])
    assert torch.equal(found.images, decoded(few_data.gallery)) and found.train is few_data.train
    assert found.note.endswith("whose people are others")


def test_without_a_test_training_people_are_held_out(few_data):
    data = replace(few_data, gallery=few_data.gallery[:0])
    found = crowd.choose(data, data.train, SMALL, decoded, [decoded(data.train)])
    left = set(found.train["pid"])
    assert len(left) == 18 and len(found.images) == len(data.train) - len(found.train)
    assert found.note.startswith("there is no test; instead") and "2 training people" in found.note
    again = crowd.choose(data, data.train, SMALL, decoded, [decoded(data.train)])
    assert again.train.equals(found.train)


def test_a_test_of_the_same_pictures_is_no_crowd(few_data):
    data = replace(few_data, gallery=few_data.train.assign(pid=-2))
    found = crowd.choose(data, data.train, SMALL, decoded, [decoded(data.train)])
    assert found.note.startswith("100% of the test's images look like training images")
    assert found.train["pid"].nunique() == 18


def test_nobody_and_a_kind_that_is_none(few_data):
    alone = crowd.choose(few_data, few_data.train, recipes.changed(SMALL, distractors="none"), decoded, [])
    assert alone.images.shape == (0, 3, 64, 32) and alone.train is few_data.train
    with pytest.raises(ValueError, match="the distractors are test, train, none, not 'all'"):
        crowd.choose(few_data, few_data.train, recipes.changed(SMALL, distractors="all"), decoded, [])


def test_an_assembled_split_keeps_the_three_apart(few_data):
    held = recipes.changed(SMALL, distractors="train", distractor_share=0.2)
    split = assembly.decoded_split(few_data, held)
    assert len(split.train_images) == len(split.train) and len(split.validation_images) == len(split.validation)
    assert len(split.train) + len(split.validation) + len(split.crowd_images) == len(few_data.train)
    assert not set(split.train["pid"]) & set(split.validation["pid"])
