"""The validation search, its scores, and scores of a network."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from mean_color import MeanColor

from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.evaluation import validation
from assignment_lib.evaluation.attribute_scores import attribute_scores
from assignment_lib.evaluation.predictions import Predictions, predict
from assignment_lib.evaluation.protocol import average_precision, ranked_matches
from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_within
from assignment_lib.evaluation.validation import (
    UNKNOWN_ID,
    interval,
    known_cameras,
    person_features,
    representative_mean,
    search_scores,
    validation_search,
)


def people(count, images, seed):
    rng = np.random.default_rng(seed)
    pids = np.repeat(np.arange(count) * 2 + 1, images)
    table = pd.DataFrame({"pid": pids, "camera": rng.integers(1, 4, len(pids))})
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(count, 6, generator=generator).repeat_interleave(images, 0)
    return table, F.normalize(centers + torch.randn(len(pids), 6, generator=generator))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.integers(2, 4), st.integers(0, 9), st.sampled_from([-1, 1, 3]), st.integers(0, 99))
def test_scores_equal_the_protocol_query_by_query(count, images, others, number, seed):
    table, embeddings = people(count, images, seed)
    if number < 3:  # the camera is unknown, or there is only one
        table = table.assign(camera=number)
    distractors = F.normalize(torch.randn(others, 6, generator=torch.Generator().manual_seed(seed + 1)))
    across = (table.groupby("pid")["camera"].nunique() > 1).any()
    gallery = torch.cat([embeddings, distractors])
    ids = np.r_[table["pid"], np.full(others, UNKNOWN_ID)]
    cameras = np.r_[table["camera"], np.full(others, -1)]
    aps, first, seen = {}, {}, set()
    for i, row in table.iterrows():
        if across and (row["pid"], row["camera"]) in seen:
            continue
        seen.add((row["pid"], row["camera"]))
        other = np.arange(len(gallery)) != i
        rule = (row["camera"], cameras[other]) if across else (None, None)
        matches = ranked_matches((embeddings[i] @ gallery.T).numpy()[other], row["pid"], ids[other], *rule)
        if any(matches):
            aps.setdefault(row["pid"], []).append(average_precision(matches))
            first.setdefault(row["pid"], []).append(matches[0])
    scores = search_scores(embeddings, table, distractors)
    assert scores["mAP"] == pytest.approx(np.mean(np.concatenate(list(aps.values()))))
    assert scores["mAP_people"] == pytest.approx(np.mean([np.mean(values) for values in aps.values()]))
    assert scores["rank1_people"] == pytest.approx(np.mean([np.mean(values) for values in first.values()]))
    assert scores["distractors"] == others


def test_one_query_per_person_and_camera_by_hand():
    table = pd.DataFrame({"pid": [1, 1, 1, 2, 2, 1], "camera": [1, 1, 2, 1, 2, 2]})
    embeddings = F.normalize(torch.arange(18.0).view(6, 3))
    search = validation_search(embeddings, table, embeddings[:2])
    assert torch.equal(search.query, embeddings[[0, 2, 3, 4]]) and len(search.gallery) == 8
    assert search.query_ids.tolist() == [1, 1, 2, 2] and search.query_cameras.tolist() == [1, 2, 1, 2]
    assert search.gallery_ids.tolist() == [1, 1, 1, 2, 2, 1, UNKNOWN_ID, UNKNOWN_ID]


def test_a_few_unknown_cameras_give_a_warning():
    table, embeddings = people(4, 3, 0)
    odd = table.assign(camera=[-1, *table["camera"][1:]])
    with pytest.warns(UserWarning, match="1 of 24 images"):
        assert known_cameras(table, odd) == (None, None)
    with pytest.warns(UserWarning, match="no camera"):
        search_scores(embeddings, odd)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert known_cameras(table.assign(camera=-1), table.assign(camera=-1)) == (None, None)
        assert known_cameras(table, table)[0].tolist() == table["camera"].tolist()


def test_the_interval_by_hand():
    """A draw of two people holds both, or one of them twice."""
    values = np.array([0.5, 1.0])
    assert interval(lambda drawn: values[drawn].mean(), 2) == (0.5, 1.0)
    assert interval(lambda drawn: values.mean(), 2) == (0.75, 0.75)

    table = pd.DataFrame({"pid": [1, 1, 1, 2, 2, 3], "camera": -1})
    scores = search_scores(torch.eye(3)[[0, 0, 0, 1, 2, 1]], table)  # person 2 is found at the ranks 5 and 4
    low = (1 / 5 + 1 / 4) / 2
    assert (scores["mAP"], scores["mAP_people"]) == pytest.approx(((3 + 2 * low) / 5, (1 + low) / 2))
    assert (scores["mAP_low"], scores["mAP_high"]) == pytest.approx((low, 1))


def test_the_representative_mean_of_a_linear_relation_is_exact():
    rng = np.random.default_rng(0)
    features = rng.normal([2, 1], [0.5, 0.3], (60, 2))
    values = 0.5 + 0.1 * (features[:, 0] - 2) + 0.2 * (features[:, 1] - 1)
    assert representative_mean(values, features, np.array([1.5, 0.5])) == pytest.approx(0.5 - 0.05 - 0.1)
    assert representative_mean(values, features, np.array([99, 99])) == 1
    constant = np.column_stack([features[:, 0], np.full(60, 3.0)])  # a constant feature explains nothing
    slope = np.polyfit(features[:, 0], values, 1)[0]
    expected = values.mean() + slope * (1.5 - features[:, 0].mean())
    assert representative_mean(values, constant, np.array([1.5, 0])) == pytest.approx(expected)
    few = representative_mean(values[:20], features[:20], np.array([1.5, 0.5]))
    assert few == pytest.approx(values[:20].mean())


def test_person_features_by_hand(make_table):
    table = make_table(2, 4).assign(**dict.fromkeys(TASKS, 0))
    table.loc[table["pid"] == 2, "hat"] = 1
    training = pd.concat([table[table["pid"] == 2]] + [table[table["pid"] == 5]] * 3, ignore_index=True)
    features = person_features(table, training)
    # hats: a quarter has one, so the weights of the classes are 4 / (2 * 1) and 4 / (2 * 3); another task weighs 1 / C
    rest = sum(1 / len(classes) for task, classes in TASKS.items() if task != "hat")
    assert features["rarity"].tolist() == pytest.approx(np.log([(rest + 2) / 12, (rest + 2 / 3) / 12]).tolist())
    assert features["images"].tolist() == pytest.approx([np.log(4)] * 2)
    assert list(person_features(table[["pid"]], training[["pid"]])) == ["images"]


def test_search_scores_are_adjusted_to_the_training_set(make_table):
    table = make_table(40, 4)
    embeddings = people(40, 4, 0)[1]
    scores = search_scores(embeddings, table, training=table)
    assert scores["mAP_representative"] == pytest.approx(scores["mAP_people"])  # the same people: nothing to adjust
    assert scores["mAP_representative_low"] < scores["mAP_representative"] < scores["mAP_representative_high"]
    assert "mAP_representative" not in search_scores(embeddings, table)


def test_evaluate_returns_the_scores_of_the_metrics(images, make_table):
    table = make_table(5, 4)
    predictions = predict(MeanColor(), images)
    scores = validation.evaluate(MeanColor(), images, table, images[:7], table)
    assert scores["attributes"] == attribute_scores(predictions.classes(), target_tensor(table))
    alone = scores["reid"].pop("among_validation")
    expected = search_scores(predictions.embeddings, table, predictions.embeddings[:7], table)
    assert scores["reid"] == expected and expected["distractors"] == 7
    assert alone == reid_scores_within(predictions.embeddings, table["pid"].to_numpy()).as_dict()


def test_one_image_per_person_has_no_search(images, make_table):
    table = make_table(5, 4).assign(pid=range(20))
    with pytest.raises(ValueError, match="no query"):
        search_scores(predict(MeanColor(), images).embeddings, table)
    assert set(validation.evaluate(MeanColor(), images, table)) == {"attributes"}
    assert set(validation.validator(images, table)(MeanColor())) == {"attributes", "score"}
    bare = table[["path", "file", "pid", "camera"]]
    with pytest.raises(ValueError, match="neither attributes"):
        validation.validator(images, bare)(MeanColor(attributes=False))


def test_the_score_of_an_epoch(images, make_table):
    table = make_table(5, 4)
    scores = validation.validator(images, table)(MeanColor())
    assert scores["score"] == pytest.approx((scores["attributes"]["average"]["macc"] + scores["reid"]["mAP"]) / 2)
    scores = validation.validator(images, table, images, reid=False)(MeanColor())
    assert scores["score"] == scores["attributes"]["average"]["macc"] and scores["reid"]["distractors"] == 0
    scores = validation.validator(images, table[["path", "file", "pid", "camera"]])(MeanColor(attributes=False))
    assert "attributes" not in scores and scores["score"] == scores["reid"]["mAP"]


@pytest.fixture
def known_test(images, make_table):
    """Predictions of queries and gallery, and a data set with known test identities, one junk image, one distractor."""
    predictions = predict(MeanColor(), images)
    gallery = make_table(5, 4)
    gallery.loc[0, ["pid", *TASKS]] = -1
    gallery.loc[1, "pid"] = 0
    gallery.loc[1, list(TASKS)] = -1
    query = make_table(5, 4).iloc[::4].reset_index(drop=True)
    queries = Predictions(predictions.embeddings[::4], {t: p[::4] for t, p in predictions.probabilities.items()})
    return queries, predictions, Dataset("x", None, "market1501", gallery, query, gallery)


def test_test_scores_equal_the_metrics(known_test):
    query, gallery, data = known_test
    scores = validation.test_scores(query, gallery, data)
    labels = [table[column].to_numpy() for column in ("pid", "camera") for table in (data.query, data.gallery)]
    assert scores["reid"] == reid_scores(query.embeddings, gallery.embeddings, *labels).as_dict()
    right = (gallery.classes()[2:, 8] == target_tensor(data.gallery)[2:, 8]).float().mean()
    assert scores["attributes"]["hat"]["acc"] == pytest.approx(float(right))
    unseen = dataclasses.replace(data, query=data.query.assign(camera=-1), gallery=data.gallery.assign(camera=-1))
    expected = reid_scores(query.embeddings, gallery.embeddings, *labels[:2], None, None)
    assert validation.test_scores(query, gallery, unseen)["reid"] == expected.as_dict()


def test_test_scores_leave_out_what_cannot_be_scored(known_test):
    query, gallery, data = known_test
    anonymous = dataclasses.replace(data, query=data.query.assign(pid=-2))
    assert validation.test_scores(query, gallery, anonymous) is None
    bare = dataclasses.replace(data, gallery=data.gallery.assign(**dict.fromkeys(TASKS, -1)))
    assert set(validation.test_scores(query, gallery, bare)) == {"reid"}
    one_camera = {"query": data.query.assign(camera=1), "gallery": data.gallery.assign(camera=1)}
    assert set(validation.test_scores(query, gallery, dataclasses.replace(data, **one_camera))) == {"attributes"}
    one_camera["gallery"] = bare.gallery.assign(camera=1)
    assert validation.test_scores(query, gallery, dataclasses.replace(data, **one_camera)) is None
