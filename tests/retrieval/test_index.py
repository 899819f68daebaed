import pytest
import torch
import torch.nn.functional as F

from assignment_lib import retrieval


def test_faiss_gives_the_same_as_the_product():
    generator = torch.Generator().manual_seed(0)
    query, gallery = (F.normalize(torch.randn(n, 16, generator=generator)) for n in (7, 500))
    exact, faiss, graph = (retrieval.rank(query, gallery, 10, index=index) for index in ("exact", "faiss", "hnsw"))
    assert torch.equal(faiss.order, exact.order)
    torch.testing.assert_close(faiss.similarity, exact.similarity)
    found = [len(set(a) & set(b)) for a, b in zip(graph.order.tolist(), exact.order.tolist(), strict=True)]
    assert sum(found) >= 0.95 * 70
    assert (graph.similarity.diff(dim=1) <= 0).all()
    again = retrieval.rank(query, gallery, 10, index=retrieval.build_index(gallery))  # built once, asked often
    assert torch.equal(again.order, graph.order)
    with pytest.raises(ValueError, match="the index holds 500 images and the gallery 499; build it anew"):
        retrieval.rank(query, gallery[1:], 10, index=retrieval.build_index(gallery, "faiss"))


def test_an_unknown_index_and_a_missing_package(monkeypatch):
    with pytest.raises(ValueError, match="exact, faiss or hnsw, not 'tree'"):
        retrieval.rank(torch.eye(2), torch.eye(2), index="tree")
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(ImportError, match="pip install faiss-cpu, or take index='exact'"):
        retrieval.rank(torch.eye(2), torch.eye(2), index="hnsw")
