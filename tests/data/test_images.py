"""Image files of every kind become upright RGB, in order; broken ones are named."""

import io
import sys
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image

from assignment_lib.data.images import decode, near_duplicates, sizes


def scene(height=128, width=64):
    """A smooth RGB picture whose four quarters differ: red, green, blue, yellow from the top left by rows."""
    quarters = np.array([[[200, 30, 40], [30, 180, 50]], [[40, 50, 190], [210, 200, 40]]], dtype=np.uint8)
    return Image.fromarray(quarters).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def jpegs(tmp_path):
    """Six plain JPEG files of different pictures."""
    paths = [tmp_path / f"{i:04d}.jpg" for i in range(6)]
    for i, path in enumerate(paths):
        Image.fromarray(np.roll(np.asarray(scene()), 13 * i, axis=0)).save(path, quality=95)
    return paths


def pixels(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def decode_one(path):
    return decode([path])[0]


def assert_near(ours, expected, tolerance):
    assert ours.shape == expected.shape and ours.dtype == torch.uint8
    assert (ours.int() - expected.int()).abs().max() <= tolerance


def test_images_come_in_order_as_pillow_decodes_them(jpegs):
    decoded = decode(jpegs)
    assert decoded.shape == (6, 3, 128, 64) and decoded.dtype == torch.uint8 and decoded.is_contiguous()
    for ours, path in zip(decoded, jpegs, strict=True):
        assert torch.equal(ours, pixels(Image.open(path)))
    assert torch.equal(decode([str(path) for path in jpegs]), decoded)
    assert decode([], (1, 1)).shape == (0, 3, 1, 1)


def test_broken_files_stop_with_one_sentence_naming_them(jpegs):
    whole = jpegs[1].read_bytes()
    jpegs[0].write_bytes(b"")
    jpegs[1].write_bytes(whole[: len(whole) // 2])
    jpegs[2].write_text("<html>404</html>")
    jpegs[3].unlink()
    jpegs[4].unlink()
    jpegs[4].mkdir()
    with pytest.raises(ValueError) as raised:
        decode(jpegs)
    message = str(raised.value)
    assert "5 of 6 images" in message and "\n" not in message and str(jpegs[5]) not in message
    for path, fault in zip(jpegs, ["empty", "truncated", "not an image", "No such file", "directory"], strict=False):
        assert str(path) in message and fault in message
    with pytest.raises(ValueError, match=r"9 of 9 images.*0003\.jpg \(No such .*\) and 1 more;"):
        decode([jpegs[3]] * 9)


def test_sizes_come_from_headers_and_a_broken_file_is_named(jpegs):
    assert sizes(jpegs).drop_duplicates().to_numpy().tolist() == [[64, 128, "RGB"]]
    assert sizes([str(path) for path in jpegs]).equals(sizes(jpegs))
    jpegs[2].write_text("<html>404</html>")
    with pytest.raises(ValueError, match=r"0002\.jpg cannot be read \(empty or not an image\)"):
        sizes(jpegs)


def test_images_that_do_not_fit_into_memory_are_refused_before_they_are_decoded(monkeypatch):
    psutil = Mock()
    psutil.virtual_memory().available = 10**6
    monkeypatch.setitem(sys.modules, "psutil", psutil)
    with pytest.raises(MemoryError, match="1,000 images of 128x64 need 25 MB"):
        decode(["nowhere.jpg"] * 1000)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [("bmp", "RGB"), ("webp", "RGB"), ("tif", "RGB"), ("png", "L"), ("png", "P"), ("gif", "P")],
)
def test_other_formats_grey_and_palettes(tmp_path, suffix, mode):
    image = scene().quantize(64) if mode == "P" else scene().convert(mode)
    image.save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    assert torch.equal(decode_one(tmp_path / f"a.{suffix}"), pixels(image.convert("RGB")))


def test_unusual_pixels(tmp_path):
    """Grey of 16 and 32 bits, black and white, floating point, CMYK."""
    levels = np.linspace(0, 65535, 128 * 64).astype(np.uint16).reshape(128, 64)
    high_byte = torch.from_numpy((levels >> 8).astype(np.uint8)).expand(3, -1, -1)
    for name, grey in (("a.png", levels), ("a.tif", levels), ("b.tif", levels.astype(np.int32))):
        Image.fromarray(grey).save(tmp_path / name)
        assert torch.equal(decode_one(tmp_path / name), high_byte)
    Image.fromarray(np.eye(128, 64) > 0).save(tmp_path / "a.png")
    assert torch.equal(decode_one(tmp_path / "a.png")[1], torch.eye(128, 64, dtype=torch.uint8) * 255)
    scene().convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert_near(decode_one(tmp_path / "a.jpg"), pixels(scene()), 8)
    Image.fromarray(np.ones((8, 8), dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="floating-point"):
        decode_one(tmp_path / "a.tif")


def test_transparency_lies_over_white(tmp_path):
    image = scene().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat(np.array([[0, 128, 255, 255]], np.uint8), 128, 0).repeat(16, 1)))
    image.save(tmp_path / "a.png")
    ours, opaque = decode_one(tmp_path / "a.png"), pixels(scene())
    assert (ours[:, :, :16] == 255).all()
    half = (opaque[:, :, 16:32].float() * 128 + 255 * 127) / 255
    assert (ours[:, :, 16:32].float() - half).abs().max() <= 1
    assert torch.equal(ours[:, :, 32:], opaque[:, :, 32:])


@pytest.mark.parametrize(
    ("mode", "colour", "transparent"),
    [("LA", (100, 0), None), ("P", 0, 0), ("L", 100, 100), ("RGB", (100, 100, 100), (100, 100, 100))],
)
def test_every_form_of_transparency(tmp_path, mode, colour, transparent):
    Image.new(mode, (64, 128), colour).save(tmp_path / "a.png", transparency=transparent)
    assert (decode_one(tmp_path / "a.png") == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    names = ["FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_90", "TRANSVERSE", "ROTATE_270"]
    upright = scene()
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose[names[orientation - 2]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    assert_near(decode_one(tmp_path / "a.jpg"), pixels(upright), 8)


@pytest.mark.parametrize("shape", [(301, 77), (40, 200), (64, 32), (1, 1), (1, 50), (50, 1)])
def test_other_sizes_are_resized_as_pillow_does(tmp_path, shape):
    scene(*shape).save(tmp_path / "a.png")
    expected = pixels(scene(*shape).resize((64, 128), Image.Resampling.BILINEAR))
    assert torch.equal(decode_one(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("suffix", ["jpeg", "png", "gif", "bmp", "tiff", "webp"])
def test_files_cut_off_anywhere_are_noticed(tmp_path, suffix):
    buffer = io.BytesIO()
    scene().save(buffer, suffix)
    content, path = buffer.getvalue(), tmp_path / f"a.{suffix}"
    for share in (0.02, 0.3, 0.6, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ValueError, match=path.name):
            decode([path])


def noise(count, seed):
    small = torch.randint(0, 256, (count, 3, 16, 8), generator=torch.Generator().manual_seed(seed)).float()
    return torch.nn.functional.interpolate(small, (64, 32), mode="bilinear").to(torch.uint8)


def test_the_same_scene_is_found_darker_and_noisier():
    scenes, generator = noise(6, 0), torch.Generator().manual_seed(0)
    copies = (scenes[[3, 5]].float() * 0.7 + torch.randn(2, 3, 64, 32, generator=generator)).clamp(0, 255)
    queries = torch.cat([noise(2, 1), copies.to(torch.uint8), torch.full((1, 3, 64, 32), 9, dtype=torch.uint8)])
    assert near_duplicates(queries, scenes).tolist() == [False, False, True, True, False]
    assert near_duplicates(scenes, scenes[:0]).tolist() == [False] * 6
    assert near_duplicates(scenes[:0], scenes).tolist() == []


def test_the_threshold_of_near_duplicates_is_a_correlation():
    """Two thumbnails whose correlation is known by hand: a step edge, and the same edge with half of one side changed."""
    step = torch.zeros(1, 3, 16, 8, dtype=torch.uint8)
    step[..., 4:] = 200
    other = step.clone()
    other[:, :, :8, :4] = 200  # three quarters bright: correlation 1 / sqrt(3) = 0.577
    assert near_duplicates(step, other, similarity=0.577).item() and not near_duplicates(step, other, 0.578).item()
