import pytest
import torch
from torch import nn

from assignment_lib.retrieval import embeddings


@pytest.fixture
def saved(tmp_path):
    path, values = tmp_path / "gallery.npz", torch.rand(3, 4)
    embeddings.save(path, values, ["a.jpg", "b.jpg", "c.jpg"], "f" * 16)
    return path, values


def test_round_trip(saved):
    path, values = saved
    found, files = embeddings.load(path, "f" * 16, ["a.jpg", "b.jpg", "c.jpg"])
    assert torch.equal(found, values) and files == ["a.jpg", "b.jpg", "c.jpg"]
    assert found.dtype == torch.float32 and not list(path.parent.glob("*.part"))


def test_stale_ones_are_noticed(saved):
    path, _ = saved
    with pytest.raises(ValueError, match=r"comes from another network .* remove it"):
        embeddings.load(path, "0" * 16)
    with pytest.raises(ValueError, match="belongs to other images"):
        embeddings.load(path, "f" * 16, ["a.jpg", "c.jpg", "b.jpg"])


def test_missing_and_damaged_files(saved):
    path, _ = saved
    with pytest.raises(FileNotFoundError, match="notebook 05 writes it"):
        embeddings.load(path.with_name("nothing.npz"))
    content = path.read_bytes()
    for broken in (b"", b"text", content[: len(content) // 2]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="cannot be read"):
            embeddings.load(path)


def test_as_many_files_as_embeddings(tmp_path):
    with pytest.raises(ValueError, match="3 embeddings for 2 files"):
        embeddings.save(tmp_path / "x.npz", torch.rand(3, 4), ["a", "b"], "f")
    assert not (tmp_path / "x.npz").exists()


def test_a_network_is_known_by_its_weights():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    first = embeddings.model_fingerprint(model)
    assert len(first) == 16 and first == embeddings.model_fingerprint(model)
    model(torch.rand(4, 2))  # moves the running averages
    second = embeddings.model_fingerprint(model)
    with torch.no_grad():
        model[0].weight[0, 0] += 1e-6
    assert len({first, second, embeddings.model_fingerprint(model)}) == 3
