import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.retrieval.normalisation import gallery_cohort, s_norm, z_norm


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(3, 30), st.one_of(st.none(), st.integers(1, 40)), st.integers(1, 7))
def test_norms_pair_by_pair(seed, images, cohort, chunk):
    generator = torch.Generator().manual_seed(seed)
    query, gallery = (F.normalize(torch.randn(n, 5, generator=generator)) for n in (4, images))
    similarity = query @ gallery.T
    similarity[0, 1] = -torch.inf  # the query's own image
    sides = gallery_cohort(gallery, cohort, chunk)
    z, s = z_norm(similarity), s_norm(similarity, *sides, cohort)
    assert z[0, 1] == s[0, 1] == -torch.inf
    for i in range(4):
        mine = similarity[i][similarity[i].isfinite()].double().numpy()
        nearest = np.sort(mine)[::-1][:cohort]
        for j in range(images):
            if (i, j) == (0, 1):
                continue
            value = float(similarity[i, j])
            theirs = np.sort(np.delete((gallery @ gallery[j]).double().numpy(), j))[::-1][:cohort]
            # a cohort of one has no deviation
            of_query, of_image = max(nearest.std(), 1e-6), max(theirs.std(), 1e-6)
            assert float(z[i, j]) == pytest.approx((value - mine.mean()) / max(mine.std(), 1e-6), rel=1e-2, abs=1e-3)
            if min(of_query, of_image) > 1e-3:
                wanted = ((value - nearest.mean()) / of_query + (value - theirs.mean()) / of_image) / 2
                assert float(s[i, j]) == pytest.approx(wanted, rel=1e-2, abs=1e-2)


def test_by_hand():
    similarity = torch.tensor([[0.0, 0.5, 1.0]])
    deviation = np.sqrt(1 / 6)
    assert z_norm(similarity)[0].tolist() == pytest.approx([-0.5 / deviation, 0, 0.5 / deviation])
    mean, of = torch.tensor([0.0, 0.25, 0.5]), torch.tensor([0.5, 0.25, 1.0])
    # the query's two nearest: mean 0.75, deviation 0.25
    assert s_norm(similarity, mean, of, 2)[0].tolist() == pytest.approx([-1.5, 0, 0.75])


def test_nothing_to_divide_by():
    assert z_norm(torch.full((2, 3), 0.5)).tolist() == [[0.0] * 3] * 2
    mean, deviation = gallery_cohort(torch.tensor([[1.0, 0.0]]))
    assert mean.isfinite().all() and (deviation > 0).all()
