import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from assignment_lib import retrieval


def test_pairs_are_all_pairs_once():
    embeddings, ids = F.normalize(torch.randn(6, 3)), np.array([1, 1, 2, 2, 2, 3])
    same, different = retrieval.pair_similarities(embeddings, ids)
    assert len(same) == 1 + 3 and len(different) == 15 - 4
    naive = [float(embeddings[i] @ embeddings[j]) for i in range(6) for j in range(i) if ids[i] == ids[j]]
    assert sorted(same) == pytest.approx(sorted(naive), abs=1e-6)


def test_verdicts_follow_the_protocol():
    query = pd.DataFrame({"pid": [5], "camera": [1]})
    gallery = pd.DataFrame({"pid": [5, 5, -1, 0, 7], "camera": [2, 1, 2, 2, 1]})
    verdicts = retrieval.judge(torch.tensor([[0, 1, 2, 3, 4]]), query, gallery)
    assert verdicts == [[True, None, None, False, False]]
    assert retrieval.judge(torch.tensor([[0]]), query.assign(pid=-2), gallery) is None
    unknown = retrieval.judge(torch.tensor([[0, 4]]), query.assign(camera=-1), gallery.assign(camera=-1))
    assert unknown == [[True, False]]  # cameras that are not known are not the same one


def test_the_first_image_of_each_person_is_a_query():
    ids = np.array([5, 3, 5, 7, 3, 5])
    assert retrieval.one_query_a_person(ids).tolist() == [True, True, False, False, False, False]
