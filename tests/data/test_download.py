"""Market-1501 from made-up sources: unpacked, counted, and every failure one sentence."""

import sys
import types
import zipfile
from pathlib import Path

import pytest
from file_server import CONTENT

from assignment_lib.data import download
from assignment_lib.data.market1501 import MARKET1501_IMAGES, download_market1501, verify_market1501

SMALL = {"bounding_box_train": 3, "bounding_box_test": 4, "query": 2}


def small_market(path: Path, counts=SMALL) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for folder, count in counts.items():
            for number in range(count):
                file.writestr(f"Market-1501-v15.09.15/{folder}/{number + 1:04d}_c1s1_000001_00.jpg", f"{number}")
            file.writestr(f"Market-1501-v15.09.15/{folder}/Thumbs.db", "x")
    return path


@pytest.fixture
def network(server, monkeypatch):
    """Both sources, made up: a gdown that writes a small archive, and the server for the attributes."""
    network = types.SimpleNamespace(server=server, calls=[], counts=SMALL)

    def from_drive(id, output, resume):
        network.calls.append((id, resume))
        return str(small_market(Path(output), network.counts))

    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=from_drive))
    monkeypatch.setattr(download, "MARKET1501_IMAGES", SMALL)
    monkeypatch.setattr(download, "ATTRIBUTES_URL", server.url)
    monkeypatch.setattr(download, "read_market_attributes", network.calls.append)
    return network


def test_market1501_is_downloaded_unpacked_and_counted_once(network, tmp_path):
    folder = download_market1501(tmp_path / "data")
    assert folder == tmp_path / "data" / "market1501"
    attributes = tmp_path / "data" / "market_attribute.mat"
    assert attributes.read_bytes() == CONTENT
    assert network.calls == [("0B8-rUzbwVRk0c054eEozWG9COHM", True), attributes]
    assert len(list(folder.glob("*/bounding_box_test/*.jpg"))) == 4
    assert download_market1501(tmp_path / "data") == folder
    assert len(network.calls) == 3 and network.server.requests == [None]  # only the attributes are checked again


def test_an_incomplete_archive_is_refused_before_it_is_taken_for_the_data_set(network, tmp_path):
    network.counts = SMALL | {"query": 1}
    with pytest.raises(ValueError, match=r"v15\.09\.15\.zip is not the whole of Market-1501 \(query/ 1 of 2 images\)"):
        download_market1501(tmp_path)
    assert not (tmp_path / "market1501").exists()


def test_a_folder_of_the_user_is_counted_too(network, tmp_path):
    (tmp_path / "market1501" / "bounding_box_train").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"bounding_box_train/ 0 of 3, bounding_box_test/ 0 of 4, query/ 0 of 2"):
        download_market1501(tmp_path)
    assert network.calls == []


def test_the_true_counts():
    assert MARKET1501_IMAGES == {"bounding_box_train": 12_936, "bounding_box_test": 19_732, "query": 3_368}


def test_one_image_too_many_is_noticed_too(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MARKET1501_IMAGES", {"bounding_box_train": 1, "query": 1})
    for name in ("bounding_box_train/1.jpg", "query/1.jpg", "query/Thumbs.db", "query/._1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    verify_market1501(tmp_path)
    (tmp_path / "query" / "2.jpg").touch()
    with pytest.raises(ValueError, match="query/ 2 of 1"):
        verify_market1501(tmp_path)


def test_without_gdown_one_sentence_says_both_ways(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(ImportError, match=r"pip install gdown, or save https://drive\.google\.com/.* as .*\.zip"):
        download_market1501(tmp_path)


def test_gdown_without_network_is_one_sentence(tmp_path, monkeypatch, capsys):
    def unreachable(**options):
        raise OSError("HTTPSConnectionPool(host='drive.google.com'):\nMax retries exceeded")

    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=unreachable))
    assert download.main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Max retries exceeded" in error and "run it again with a network" in error
    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=lambda **options: None))
    with pytest.raises(ConnectionError, match="Google Drive does not give"):
        download_market1501(tmp_path)
