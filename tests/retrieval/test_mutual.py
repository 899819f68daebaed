import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.retrieval.mutual import mutual_ranks, nearest_similarities, ranks, ranks_of_query


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 8), st.integers(2, 20), st.integers(1, 40), st.integers(1, 9))
def test_ranks_pair_by_pair(seed, queries, images, deepest, chunk):
    generator = torch.Generator().manual_seed(seed)
    query, gallery = (F.normalize(torch.randn(n, 6, generator=generator)) for n in (queries, images))
    similarity = query @ gallery.T
    nearest = nearest_similarities(gallery, query, deepest, chunk)
    assert nearest.shape == (images, min(deepest, queries + images - 1))
    forward, back = ranks(similarity), ranks_of_query(similarity, nearest)
    for i in range(queries):
        for j in range(images):
            assert forward[i, j] == 1 + (similarity[i] > similarity[i, j]).sum() + 0
            others = torch.cat([similarity[:, j], (gallery @ gallery[j])[torch.arange(images) != j]])
            ahead = int((others > similarity[i, j] + 1e-6).sum())
            assert (
                abs(int(back[i, j]) - (1 + min(ahead, nearest.shape[1])))
                <= ((others - similarity[i, j] - 1e-6).abs() < 3e-7).sum()
            )
    assert torch.equal(mutual_ranks(similarity, nearest), torch.maximum(forward, back))


def test_by_hand():
    """On a line: the query at 0, images at 1, 2.5 and 3 degrees; the last two are nearer to each other."""
    angles = torch.deg2rad(torch.tensor([0.0, 10, 25, 30]))
    points = torch.stack([angles.cos(), angles.sin()], 1)
    query, gallery = points[:1], points[1:]
    similarity, nearest = query @ gallery.T, nearest_similarities(gallery, query)
    assert ranks(similarity).tolist() == [[1, 2, 3]]
    assert ranks_of_query(similarity, nearest).tolist() == [[1, 3, 3]]
    assert mutual_ranks(similarity, nearest).tolist() == [[1, 3, 3]]


def test_equal_images_stand_in_gallery_order_and_absent_ones_last():
    assert ranks(torch.tensor([[0.5, -torch.inf, 0.5, 0.9]])).tolist() == [[2, 4, 3, 1]]
