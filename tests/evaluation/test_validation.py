import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.evaluation.as_test import UNKNOWN_ID, as_test, as_test_scores, interval
from assignment_lib.evaluation.protocol import average_precision, ranked_matches
from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_within


def people(count, images, seed, cameras=3):
    rng = np.random.default_rng(seed)
    pids = np.repeat(np.arange(count) * 2 + 1, images)
    table = pd.DataFrame({"pid": pids, "camera": rng.integers(1, cameras + 1, len(pids))})
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(count, 6, generator=generator).repeat_interleave(images, 0)
    return table, F.normalize(centers + torch.randn(len(pids), 6, generator=generator))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.integers(2, 4), st.integers(0, 9), st.booleans(), st.integers(0, 99))
def test_each_query_meets_whom_the_rules_say(count, images, crowd, with_cameras, seed):
    table, embeddings = people(count, images, seed)
    if not with_cameras:
        table = table.assign(camera=-1)
    distractors = F.normalize(torch.randn(crowd, 6, generator=torch.Generator().manual_seed(seed + 1)))
    across = with_cameras and (table.groupby("pid")["camera"].nunique() > 1).any()
    gallery = torch.cat([embeddings, distractors])
    ids = np.r_[table["pid"], np.full(crowd, UNKNOWN_ID)]
    cameras = np.r_[table["camera"], np.full(crowd, -1)]
    aps = []
    for i, row in table.iterrows():
        rule = (row["camera"], cameras) if across else (None, None)
        right = ranked_matches((embeddings[i] @ gallery.T).numpy(), row["pid"], ids, *rule, itself=i)
        aps += [average_precision(right)] if any(right) else []
    assert as_test_scores(embeddings, table, distractors)["mAP"] == pytest.approx(np.mean(aps))


def test_without_a_crowd_and_cameras_it_is_the_search_among_validation():
    table, embeddings = people(6, 3, 0)
    alone = reid_scores_within(embeddings, table["pid"].to_numpy())
    found = as_test_scores(embeddings, table.assign(camera=-1))
    assert found["mAP"] == pytest.approx(alone.mAP) and found["distractors"] == 0
    assert as_test_scores(embeddings, table.assign(camera=1))["mAP"] == pytest.approx(alone.mAP)  # one camera is none


def test_a_crowd_makes_it_harder():
    table, embeddings = people(8, 3, 1)
    crowd = F.normalize(torch.randn(500, 6, generator=torch.Generator().manual_seed(7)))
    assert as_test_scores(embeddings, table, crowd)["mAP"] < as_test_scores(embeddings, table)["mAP"]


def test_the_interval_by_hand():
    """Two people, one of AP 1 and one of AP 0.5: a draw has both, or one of them twice."""
    ids = np.array([1, 1, 2, 2])
    query = torch.eye(4)[[0, 0, 1, 1]]
    gallery = torch.eye(4)[[0, 2, 1]] * 1.0
    gallery[2] = torch.tensor([0.0, 0.6, 0.8, 0.0])
    scores = reid_scores(query, gallery, ids, np.array([1, 3, 2]), None, None)
    assert scores.ap.tolist() == [1, 1, 1, 1] and interval(scores, ids) == (1, 1)
    harder = reid_scores(query, torch.eye(4)[[0, 1, 1]], ids, np.array([1, 3, 2]), None, None)
    assert harder.ap.tolist() == [1, 1, 0.5, 0.5]
    assert interval(harder, ids) == (0.5, 1.0)
    assert interval(harder, ids, level=0.1) == pytest.approx((0.75, 0.75))


def test_one_person_and_one_image_each():
    table, embeddings = people(1, 3, 0)
    assert as_test_scores(embeddings, table)["mAP"] == 1
    table, embeddings = people(3, 1, 0)
    with pytest.raises(ValueError, match="no query"):
        as_test_scores(embeddings, table)
    assert as_test(embeddings, table).gallery_ids.tolist() == table["pid"].tolist()
