from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assignment_lib.data import images
from assignment_lib.reporting.widget import upload
from assignment_lib.reporting.widget.upload import read_picture, uploaded


def encoded(kind="PNG", size=(20, 30), mode="RGB", **options):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels, "RGBA").convert(mode).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("GIF", "P"), ("PNG", "L")]
)
def test_decoded_as_the_library_does(tmp_path, kind, mode):
    content = encoded(kind, mode=mode)
    (tmp_path / "picture").write_bytes(content)
    expected = images.decode([tmp_path / "picture"], (16, 8), progress=False).images[0]
    assert torch.equal(read_picture(content, "picture", (16, 8)), expected)


def test_too_many_bytes(monkeypatch):
    monkeypatch.setattr(upload, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=r"^big\.png has 0 MB; give a picture of at most 0 MB$"):
        read_picture(bytes(1001), "big.png", (16, 8))


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr(upload, "MOST_PIXELS", 500)
    monkeypatch.setattr(upload, "decode_file", lambda *_: pytest.fail("was decoded"))
    with pytest.raises(ValueError, match=r"^big\.png has too many pixels"):
        read_picture(encoded(), "big.png", (16, 8))


def test_a_bomb_of_a_few_bytes_is_refused():
    file = BytesIO()
    Image.new("1", (60_000, 10_000)).save(file, "PNG")
    assert len(file.getvalue()) < 200_000
    with pytest.raises(ValueError, match="too many pixels"):
        read_picture(file.getvalue(), "bomb.png", (16, 8))


BAD = (b"", b"GIF89a", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg/>", b"\xff\xd8\xff")


@pytest.mark.parametrize("content", BAD)
def test_a_bad_file_gets_a_sentence(content):
    with pytest.raises(ValueError, match=r"^x\.jpg (is empty|is not a picture); give "):
        read_picture(content, "x.jpg", (16, 8))


def test_a_broken_one_too():
    with pytest.raises(ValueError, match=r"^x\.png cannot be decoded \(.*\); give another copy of it"):
        read_picture(encoded()[:200], "x.png", (16, 8))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=8))
def test_whatever_is_damaged_it_is_a_picture_or_a_sentence(at, put):
    content = bytearray(encoded("JPEG"))
    content[at : at + len(put)] = put
    try:
        assert read_picture(bytes(content), "x", (16, 8)).shape == (3, 16, 8)
    except ValueError as error:
        assert str(error).startswith("x ")


def test_both_forms_of_an_upload():
    assert uploaded({}) is None and uploaded(()) is None
    seven = {"a.png": {"metadata": {"name": "a.png"}, "content": b"12"}}
    eight = ({"name": "a.png", "type": "image/png", "content": memoryview(b"12")},)
    assert uploaded(seven) == uploaded(eight) == ("a.png", b"12")
