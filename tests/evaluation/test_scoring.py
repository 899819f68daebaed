import dataclasses

import numpy as np
import pytest
from mean_color import MeanColor

from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.evaluation import scoring
from assignment_lib.evaluation.as_test import as_test_scores
from assignment_lib.evaluation.attribute_scores import attribute_scores
from assignment_lib.evaluation.predictions import Predictions, predict
from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_within


def test_scores_are_those_of_the_metrics(images, make_table):
    table = make_table(5, 4)
    predictions = predict(MeanColor(), images)
    scores = scoring.evaluate(MeanColor(), images, table, images[:7])
    assert scores["attributes"] == attribute_scores(predictions.classes(), target_tensor(table))
    wanted = as_test_scores(predictions.embeddings, table, predictions.embeddings[:7])
    alone = scores["reid"].pop("among_validation")
    assert scores["reid"] == wanted and wanted["distractors"] == 7
    assert alone == reid_scores_within(predictions.embeddings, table["pid"].to_numpy()).as_dict()


def test_one_image_a_person_has_no_search(images, make_table):
    table = make_table(5, 4).assign(pid=range(20))
    assert set(scoring.evaluate(MeanColor(), images, table)) == {"attributes"}
    assert set(scoring.validator(images, table)(MeanColor())) == {"attributes", "score"}
    bare = table[["path", "file", "pid", "camera"]]
    with pytest.raises(ValueError, match="neither attributes nor a person with two images"):
        scoring.validator(images, bare)(MeanColor(attributes=False))


def test_what_decides_the_best_epoch(images, make_table):
    table = make_table(5, 4)
    scores = scoring.validator(images, table)(MeanColor())
    assert scores["score"] == pytest.approx((scores["attributes"]["average"]["macc"] + scores["reid"]["mAP"]) / 2)
    scores = scoring.validator(images, table, reid=False)(MeanColor())
    assert scores["score"] == scores["attributes"]["average"]["macc"]
    scores = scoring.validator(images, table[["path", "file", "pid", "camera"]])(MeanColor(attributes=False))
    assert "attributes" not in scores and scores["score"] == scores["reid"]["mAP"]


def test_scores_on_a_known_test(images, make_table):
    predictions = predict(MeanColor(), images)
    gallery = make_table(5, 4)
    gallery.loc[0, ["pid", *TASKS]] = -1  # junk
    gallery.loc[1, "pid"] = 0
    gallery.loc[1, list(TASKS)] = -1
    query = make_table(5, 4).iloc[::4].reset_index(drop=True)
    of_query = Predictions(predictions.embeddings[::4], {t: p[::4] for t, p in predictions.probabilities.items()})
    data = Dataset("x", None, "market1501", gallery, query, gallery)
    scores = scoring.test_scores(of_query, predictions, data)
    labels = [t[c].to_numpy() for c in ("pid", "camera") for t in (query, gallery)]
    wanted = reid_scores(of_query.embeddings, predictions.embeddings, *labels)
    assert scores["reid"]["mAP"] == pytest.approx(wanted.mAP)
    known = np.arange(20) > 1
    right = (predictions.classes()[known, 8] == target_tensor(gallery)[known, 8]).float().mean()
    assert scores["attributes"]["hat"]["acc"] == pytest.approx(float(right))
    anonymous = Dataset("x", None, "course", gallery, query.assign(pid=-2), gallery)
    assert scoring.test_scores(of_query, predictions, anonymous) is None
    # file names without cameras: only junk leaves; annotations that are not known for anyone: no accuracy
    unseen = dataclasses.replace(data, query=data.query.assign(camera=-1), gallery=data.gallery.assign(camera=-1))
    without = scoring.test_scores(of_query, predictions, unseen)
    labels = data.query["pid"].to_numpy(), data.gallery["pid"].to_numpy()
    wanted = reid_scores(of_query.embeddings, predictions.embeddings, *labels, None, None)
    assert without["reid"] == wanted.as_dict()
    bare = dataclasses.replace(data, gallery=data.gallery.assign(**dict.fromkeys(TASKS, -1)))
    assert set(scoring.test_scores(of_query, predictions, bare)) == {"reid"}
