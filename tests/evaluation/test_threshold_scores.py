import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from retrieval_cases import CHUNKS, MANY, inner_settings, market_like, retrieval_cases, with_settings

from assignment_lib.evaluation.threshold_scores import threshold_scores, threshold_scores_within


@MANY
@given(
    case=retrieval_cases(),
    inner=inner_settings(),
    chunk=CHUNKS,
    thresholds=st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0]), min_size=1),
    within=st.booleans(),
)
def test_sets_at_a_threshold_are_those_counted_pair_by_pair(case, inner, chunk, thresholds, within):
    if within:
        case.update(query=case["gallery"], query_ids=case["gallery_ids"], query_cameras=case["gallery_cameras"])
    similarity = case["query"] @ case["gallery"].T
    kept = np.broadcast_to(case["gallery_ids"] != -1, similarity.shape).copy()
    match = kept & (case["query_ids"][:, None] == case["gallery_ids"])
    if case["query_cameras"] is not None:
        kept &= ~(match & (case["query_cameras"][:, None] == case["gallery_cameras"]))
    if within:
        np.fill_diagonal(kept, False)
    match &= kept
    kept &= match.any(1, keepdims=True)

    def compute():
        if within:
            return threshold_scores_within(
                case["gallery"], case["gallery_ids"], thresholds, case["gallery_cameras"], chunk=chunk
            )
        return threshold_scores(**case, thresholds=thresholds, chunk=chunk)

    if not match.any():
        with pytest.raises(ValueError, match="no query has a true match"):
            with_settings(inner, compute)
        return
    table = with_settings(inner, compute)
    assert table["threshold"].tolist() == thresholds
    for _, line in table.iterrows():
        returned = kept & (similarity >= line["threshold"])
        right = (returned & match).sum()
        precision, recall = right / max(returned.sum(), 1), right / match.sum()
        assert line["precision"] == pytest.approx(precision)
        assert line["recall"] == pytest.approx(recall)
        assert line["f1"] == pytest.approx(2 * precision * recall / (precision + recall) if right else 0)
        assert line["set_size"] == pytest.approx(returned.sum() / match.any(1).sum())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_sets_are_the_cpu_s():
    case = market_like()
    on_gpu = {name: torch.as_tensor(value).cuda() for name, value in case.items()}
    pd.testing.assert_frame_equal(
        threshold_scores(**on_gpu, thresholds=[0.2, 0.5]), threshold_scores(**case, thresholds=[0.2, 0.5]), atol=1e-2
    )
