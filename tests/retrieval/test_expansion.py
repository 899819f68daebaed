import torch
import torch.nn.functional as F

from assignment_lib import retrieval


def test_query_expansion_by_hand():
    query = torch.tensor([[1.0, 0.0]])
    gallery = F.normalize(torch.tensor([[1.0, 1.0], [1.0, -2.0], [-1.0, 0.0]]))
    wanted = torch.tensor([1.0, 0.0]) + (0.5**0.5) ** 2 * gallery[0]  # its nearest has a similarity of 1 / sqrt(2)
    expanded = retrieval.expand_queries(query, gallery, neighbours=1, alpha=2.0)
    torch.testing.assert_close(expanded[0], wanted / wanted.norm())
    assert torch.equal(retrieval.expand_queries(query, gallery, neighbours=0), query)
    # a neighbour on the other side does not pull: its weight is 0, not a negative number to some power
    three, two = (retrieval.expand_queries(query, gallery, n, alpha=0.5) for n in (3, 2))
    torch.testing.assert_close(three, two)
    many = retrieval.expand_queries(query.repeat(5, 1), gallery, 2, chunk=2)
    torch.testing.assert_close(many[4:], retrieval.expand_queries(query, gallery, 2))


def test_a_query_is_not_its_own_neighbour():
    gallery = F.normalize(torch.randn(8, 4, generator=torch.Generator().manual_seed(0)))
    expanded = retrieval.expand_queries(gallery[[2, 5]], gallery, 3, own=torch.tensor([2, -1]))
    without = gallery[[i for i in range(8) if i != 2]]
    torch.testing.assert_close(expanded[:1], retrieval.expand_queries(gallery[2:3], without, 3))
    torch.testing.assert_close(expanded[1:], retrieval.expand_queries(gallery[5:6], gallery, 3))
