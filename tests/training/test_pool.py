from dataclasses import replace

import pytest
import torch

from assignment_lib.data.images import decode
from assignment_lib.evaluation.as_test import UNKNOWN_ID
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.evaluation.scoring import validation_scores
from assignment_lib.training import assembly, pool, recipes

SMALL = recipes.recipe("smoke", image_size=(64, 32))


@pytest.fixture(scope="module")
def split(few_data):
    return assembly.decoded_split(few_data, SMALL)


def test_gallery_queries_and_validation_without_names(few_data, split):
    found = pool.unlabelled(few_data, split, SMALL)
    parts = (few_data.gallery, few_data.query, split.validation)
    assert found.table["path"].tolist() == [path for table in parts for path in table["path"]]
    assert torch.equal(found.images, decode(found.table["path"], (64, 32), progress=False).images)
    assert list(found.table.columns) == ["path", "file", "camera"] and found.gallery == len(few_data.gallery)
    assert (found.table["camera"] == -1).all(), "the cameras of the test are unknown, so are those of validation"
    start = len(few_data.gallery) + len(few_data.query)
    assert (found.truth[:start] == UNKNOWN_ID).all()
    assert found.truth[start:].tolist() == split.validation["pid"].tolist()


def test_cameras_where_the_test_has_them(few_data, split):
    known = replace(few_data, gallery=few_data.gallery.assign(camera=3), query=few_data.query.assign(camera=4))
    found = pool.unlabelled(known, split, SMALL).table["camera"]
    assert found[-len(split.validation) :].tolist() == split.validation["camera"].tolist()


def test_without_validation_people_the_pool_is_the_test(few_data, split):
    nobody = split._replace(
        train=few_data.train,
        validation=split.validation[:0],
        validation_images=split.validation_images[:0],
        crowd_images=split.crowd_images[:0],
    )
    found = pool.unlabelled(few_data, nobody, SMALL)
    assert len(found.images) == len(found.table) == len(few_data.gallery) + len(few_data.query)
    assert torch.equal(found.images[: found.gallery], split.crowd_images)
    assert pool.scores_of(Predictions(torch.eye(len(found.table)), {}), found, nobody) == {}


def test_scores_are_those_of_validation_in_its_crowd(few_data, split):
    found = pool.unlabelled(few_data, split, SMALL)
    said = torch.nn.functional.normalize(torch.rand(len(found.table), 8, generator=torch.Generator().manual_seed(0)))
    start = len(said) - len(split.validation)
    wanted = validation_scores(Predictions(said[start:], {}), split.validation, said[: len(few_data.gallery)])
    assert pool.scores_of(Predictions(said, {}), found, split) == wanted


def test_a_test_that_is_not_there_or_may_show_the_training_people_is_refused(few_data, split):
    with pytest.raises(ValueError, match="few has no test"):
        pool.unlabelled(replace(few_data, gallery=few_data.gallery[:0]), split, SMALL)
    held_out = split._replace(train=split.train[:-6], crowd_note="6 images of a training person, held out")
    with pytest.raises(ValueError, match="its crowd is 6 images of a training person, held out; train with"):
        pool.unlabelled(few_data, held_out, SMALL)
    alone = recipes.changed(SMALL, distractors="none")
    with pytest.raises(ValueError, match="its crowd is nobody"):
        pool.unlabelled(few_data, assembly.decoded_split(few_data, alone), alone)
