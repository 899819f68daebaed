from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from assignment_lib.data import images
from assignment_lib.reporting.widget import photos
from assignment_lib.reporting.widget.photos import read_photo, uploaded_file, with_heat


def encoded(kind="PNG", size=(20, 30), mode="RGB"):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels, "RGBA").convert(mode).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("GIF", "P")])
def test_photos_are_decoded_like_data_sets(tmp_path, kind, mode):
    content = encoded(kind, mode=mode)
    (tmp_path / "photo").write_bytes(content)
    expected = images.decode([tmp_path / "photo"], (16, 8), progress=False)[0]
    assert torch.equal(read_photo(content, "photo", (16, 8)), expected)


def test_too_large_files_are_refused_before_decoding(monkeypatch):
    monkeypatch.setattr(photos, "MAX_BYTES", 5000)
    monkeypatch.setattr(photos, "MAX_PIXELS", 500)
    monkeypatch.setattr(photos, "decode_file", lambda *_: pytest.fail("was decoded"))
    for content, message in ((bytes(5001), "has 0.0 MB"), (encoded(), "has too many pixels")):
        with pytest.raises(ValueError, match=rf"^big\.png {message}"):
            read_photo(content, "big.png", (16, 8))


def test_a_decompression_bomb():
    file = BytesIO()
    Image.new("1", (60_000, 10_000)).save(file, "PNG")
    assert len(file.getvalue()) < 200_000
    with pytest.raises(ValueError, match="too many pixels"):
        read_photo(file.getvalue(), "bomb.png", (16, 8))


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg/>", encoded()[:200]]
)
def test_a_bad_file_gets_a_sentence(content):
    with pytest.raises(ValueError, match=r"^x\.jpg .*Upload an"):
        read_photo(content, "x.jpg", (16, 8))


def test_uploads_of_both_ipywidgets_generations():
    seven = {"a.png": {"metadata": {"name": "a.png"}, "content": b"12"}}
    eight = ({"name": "a.png", "type": "image/png", "content": memoryview(b"12")},)
    assert uploaded_file(seven) == uploaded_file(eight) == ("a.png", b"12")


def test_heat_keeps_the_brightest_place_and_darkens_the_others():
    image = torch.full((3, 4, 2), 200, dtype=torch.uint8)
    heat = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    mixed = with_heat(image, heat)
    assert mixed.dtype == torch.uint8 and mixed.shape == image.shape
    assert (mixed[:, 0] == 200).all() and (mixed[:, -1] == 30).all()
    assert with_heat(image, torch.zeros(2, 2)).float().std() == 0
