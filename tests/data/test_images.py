"""Every kind of file comes out right, broken ones are named, the cache is trusted only while it fits."""

import io
import os
import sys
import types

import numpy as np
import pytest
import torch
from PIL import Image

from assignment_lib.data import images as I

SIZE = (128, 64)


def scene(height=128, width=64):
    """A smooth RGB picture whose four quarters differ: red, green, blue, yellow from the top left by rows."""
    quarters = np.array([[[200, 30, 40], [30, 180, 50]], [[40, 50, 190], [210, 200, 40]]], dtype=np.uint8)
    return Image.fromarray(quarters).resize((width, height), Image.Resampling.BICUBIC)


def pixels(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def decode_one(path, size=SIZE):
    return I.decode([path], size, progress=False).images[0]


def assert_near(ours, expected, tolerance):
    assert ours.shape == expected.shape and ours.dtype == torch.uint8
    difference = (ours.int() - expected.int()).abs()
    assert difference.max() <= tolerance, difference.max()


@pytest.fixture
def folder(tmp_path):
    """Six plain JPEG files of different pictures."""
    for i in range(6):
        Image.fromarray(np.roll(np.asarray(scene()), 13 * i, axis=0)).save(tmp_path / f"{i:04d}.jpg", quality=95)
    return tmp_path


def files(folder):
    return sorted(folder.glob("*.jpg"))


# What kinds of files come out as


def test_plain_jpegs_come_in_order_as_pillow_decodes_them(folder):
    decoded = I.decode(files(folder), progress=False)
    assert decoded.images.shape == (6, 3, 128, 64) and decoded.images.dtype == torch.uint8
    assert decoded.images.is_contiguous()
    assert decoded.kept.tolist() == list(range(6)) and decoded.corrupt == {}
    for ours, path in zip(decoded.images, files(folder), strict=True):
        assert_near(ours, pixels(Image.open(path)), 0)


@pytest.mark.parametrize("saved", [{"quality": 40}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 2}])
def test_every_kind_of_jpeg(tmp_path, saved):
    scene().save(tmp_path / "a.jpg", **saved)
    assert_near(decode_one(tmp_path / "a.jpg"), pixels(scene()), 40)


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif"])
def test_other_formats(tmp_path, suffix):
    scene().save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    assert torch.equal(decode_one(tmp_path / f"a.{suffix}"), pixels(scene()))


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_grey_is_repeated(tmp_path, suffix):
    grey = scene().convert("L")
    grey.save(tmp_path / f"a.{suffix}", quality=95)
    ours = decode_one(tmp_path / f"a.{suffix}")
    assert torch.equal(ours[0], ours[1]) and torch.equal(ours[0], ours[2])
    assert_near(ours, pixels(grey.convert("RGB")), 4 if suffix == "jpg" else 0)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_keeps_its_high_byte(tmp_path, suffix):
    levels = np.linspace(0, 65535, 128 * 64).astype(np.uint16).reshape(128, 64)
    Image.fromarray(levels).save(tmp_path / f"a.{suffix}")
    expected = torch.from_numpy((levels >> 8).astype(np.uint8)).expand(3, -1, -1)
    assert torch.equal(decode_one(tmp_path / f"a.{suffix}"), expected)


def test_32_bit_grey_in_the_range_of_16_bits(tmp_path):
    Image.fromarray(np.full((128, 64), 0x8000, dtype=np.int32)).save(tmp_path / "a.tif")
    assert (decode_one(tmp_path / "a.tif") == 0x80).all()


def test_black_and_white(tmp_path):
    Image.fromarray(np.eye(128, 64) > 0).save(tmp_path / "a.png")
    assert torch.equal(decode_one(tmp_path / "a.png")[1], torch.eye(128, 64, dtype=torch.uint8) * 255)


def test_transparency_lies_over_white(tmp_path):
    image = scene().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat(np.array([[0, 128, 255, 255]], np.uint8), 128, 0).repeat(16, 1)))
    image.save(tmp_path / "a.png")
    ours, opaque = decode_one(tmp_path / "a.png"), pixels(scene())
    assert (ours[:, :, :16] == 255).all()
    half = (opaque[:, :, 16:32].float() * 128 + 255 * 127) / 255
    assert (ours[:, :, 16:32].float() - half).abs().max() <= 1
    assert torch.equal(ours[:, :, 32:], opaque[:, :, 32:])


@pytest.mark.parametrize("mode", ["LA", "P", "L", "RGB"])
def test_every_form_of_transparency(tmp_path, mode):
    grey = Image.fromarray(np.full((128, 64), 100, dtype=np.uint8))
    if mode == "LA":
        grey.putalpha(0)
        grey.save(tmp_path / "a.png")
    else:
        transparent = {"L": 100, "RGB": (100, 100, 100), "P": 0}[mode]
        image = Image.new("P", (64, 128), 0) if mode == "P" else grey.convert(mode)
        image.save(tmp_path / "a.png", transparency=transparent)
    assert (decode_one(tmp_path / "a.png") == 255).all()


def test_palettes_show_their_colours(tmp_path):
    palette = scene().quantize(64)
    for name in ("a.png", "a.gif"):
        palette.save(tmp_path / name)
        assert torch.equal(decode_one(tmp_path / name), pixels(palette.convert("RGB")))


def test_cmyk_shows_its_colours(tmp_path):
    scene().convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert_near(decode_one(tmp_path / "a.jpg"), pixels(scene()), 8)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, suffix, orientation):
    upright = scene()
    stored = upright.transpose(
        {
            1: Image.Transpose.ROTATE_180, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
        }[orientation]
    )  # fmt: skip
    if orientation == 1:
        stored = upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a.{suffix}", exif=exif, quality=95)
    assert_near(decode_one(tmp_path / f"a.{suffix}"), pixels(upright), 8)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("shape", [(301, 77), (40, 200), (64, 32), (1, 1), (1, 50), (50, 1)])
def test_odd_sizes_are_resized_as_pillow_does(tmp_path, suffix, shape):
    scene(*shape).save(tmp_path / f"a.{suffix}", quality=95)
    with Image.open(tmp_path / f"a.{suffix}") as image:
        expected = pixels(image.convert("RGB").resize((64, 128), Image.Resampling.BILINEAR))
    assert torch.equal(decode_one(tmp_path / f"a.{suffix}"), expected)


def test_resizing_is_antialiased(tmp_path):
    stripes = np.zeros((512, 256, 3), dtype=np.uint8)
    stripes[::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    inner = decode_one(tmp_path / "a.png")[:, 2:-2]
    assert 120 < inner.min() <= inner.max() < 136


def test_one_pixel_wide_and_no_images():
    decoded = I.decode([], (1, 1), progress=False)
    assert decoded.images.shape == (0, 3, 1, 1) and len(decoded.kept) == 0


def test_results_do_not_depend_on_the_number_of_threads(folder, monkeypatch):
    monkeypatch.setattr(I, "_FILES_A_TASK", 2)
    one = I.decode(files(folder), workers=1, progress=False).images
    assert torch.equal(one, I.decode(files(folder), workers=5, progress=False).images)
    assert len({image.numpy().tobytes() for image in one}) == 6


# Broken files


def damage(folder):
    """Breaks five of the six files; returns what each is reported as."""
    paths = files(folder)
    whole = paths[1].read_bytes()
    paths[0].write_bytes(b"")
    paths[1].write_bytes(whole[: len(whole) // 2])
    paths[2].write_text("<html>404</html>")
    paths[3].unlink()
    paths[4].unlink()
    paths[4].mkdir()
    return paths, ["empty", "truncated", "not an image", "missing", "folder"]


def test_broken_files_stop_with_one_sentence_naming_them(folder):
    paths, faults = damage(folder)
    with pytest.raises(ValueError) as raised:
        I.decode(paths, progress=False)
    message = str(raised.value)
    assert message.startswith("5 of 6 images cannot be decoded: ") and "\n" not in message
    for path, fault in zip(paths[:5], faults, strict=True):
        assert str(path) in message and fault in message
    assert 'corrupt="skip"' in message and str(paths[5]) not in message


def test_broken_files_are_left_out_on_request(folder):
    paths, faults = damage(folder)
    last = decode_one(paths[5])
    decoded = I.decode([*paths, paths[5]], corrupt="skip", progress=False)
    assert decoded.kept.tolist() == [5, 6]
    assert torch.equal(decoded.images, torch.stack([last, last]))
    assert list(decoded.corrupt) == [str(path) for path in paths[:5]]
    assert all(fault in reason for fault, reason in zip(faults, decoded.corrupt.values(), strict=True))


def test_many_broken_files_are_counted_after_the_first_few(tmp_path):
    with pytest.raises(ValueError, match=r"9 of 9 images.*0004\.jpg \(missing\) and 4 more;"):
        I.decode([tmp_path / f"{i:04d}.jpg" for i in range(9)], progress=False)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tif", "webp"])
def test_files_cut_off_anywhere_are_noticed(tmp_path, suffix):
    buffer = io.BytesIO()
    scene().save(buffer, {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix))
    content, path = buffer.getvalue(), tmp_path / f"a.{suffix}"
    for share in (0.02, 0.3, 0.6, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        assert I.decode([path], corrupt="skip", progress=False).corrupt, share


def test_floating_point_pixels_are_refused(tmp_path):
    Image.fromarray(np.ones((8, 8), dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="floating-point"):
        I.decode([tmp_path / "a.tif"], progress=False)


def test_the_choice_is_checked(folder):
    with pytest.raises(ValueError, match='"stop" or "skip"'):
        I.decode(files(folder), corrupt="ignore")


# Memory


def test_large_stores_are_announced_and_small_ones_are_not(folder, monkeypatch, capsys):
    I.decode(files(folder), progress=False)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(I, "ANNOUNCED_BYTES", 100_000)
    I.decode(files(folder), progress=False)
    assert capsys.readouterr().out == "6 images of 128x64: 0 MB of memory\n"
    I._announce((12936, 3, 128, 64), "memory")
    assert capsys.readouterr().out == "12,936 images of 128x64: 318 MB of memory\n"


def with_free_memory(monkeypatch, free):
    memory = types.SimpleNamespace(available=free)
    monkeypatch.setitem(sys.modules, "psutil", types.SimpleNamespace(virtual_memory=lambda: memory))


def test_what_does_not_fit_is_refused_before_anything_is_decoded(folder, monkeypatch):
    with_free_memory(monkeypatch, 100_000)
    monkeypatch.setattr(I, "decode_file", lambda *_: pytest.fail("decoded"))
    with pytest.raises(MemoryError, match=r"6 images of 128x64 take 0 MB .* cache="):
        I.decode(files(folder), progress=False)


def test_a_cache_needs_no_memory(folder, tmp_path, monkeypatch):
    with_free_memory(monkeypatch, 100_000)
    assert len(I.decode(files(folder), cache=tmp_path / "cache.bin", progress=False).images) == 6


def test_without_psutil_memory_is_not_checked(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert I._free_memory() is None
    assert len(I.decode(files(folder), progress=False).images) == 6


# Cache


@pytest.fixture
def counted(monkeypatch):
    """A list that grows by one with every file decoded."""
    calls, decode_file = [], I.decode_file
    monkeypatch.setattr(I, "decode_file", lambda path, size: calls.append(path) or decode_file(path, size))
    return calls


def test_a_cache_is_used_again(folder, tmp_path, counted):
    cache = tmp_path / "new" / "cache.bin"
    plain = I.decode(files(folder), progress=False).images
    counted.clear()
    first = I.decode(files(folder), cache=cache, progress=False)
    again = I.decode(files(folder), cache=str(cache), progress=False)
    assert len(counted) == 6
    for decoded in (first, again):
        assert torch.equal(decoded.images, plain) and decoded.kept.tolist() == list(range(6))
    assert [path.name for path in cache.parent.iterdir()] == ["cache.bin"]


def test_writing_to_cached_images_leaves_the_cache(folder, tmp_path):
    images = I.decode(files(folder), cache=tmp_path / "cache.bin", progress=False).images
    images.zero_()
    assert I.decode(files(folder), cache=tmp_path / "cache.bin", progress=False).images.any()


def touch_later(paths):
    os.utime(paths[2], ns=(0, os.stat(paths[2]).st_mtime_ns + 1))
    return paths


@pytest.mark.parametrize(
    "change",
    [
        touch_later,
        lambda paths: paths[::-1],
        lambda paths: paths[:-1],
        lambda paths: scene(30, 30).save(paths[1]) or paths,
    ],
    ids=["time", "order", "count", "content"],
)
def test_a_stale_cache_is_made_anew(folder, tmp_path, counted, change):
    I.decode(files(folder), cache=tmp_path / "cache.bin", progress=False)
    paths = change(files(folder))
    counted.clear()
    ours = I.decode(paths, cache=tmp_path / "cache.bin", progress=False).images
    assert len(counted) == len(paths)
    assert torch.equal(ours, I.decode(paths, progress=False).images)


def test_another_size_is_another_cache(folder, tmp_path, counted):
    I.decode(files(folder), cache=tmp_path / "cache.bin", progress=False)
    ours = I.decode(files(folder), (64, 32), cache=tmp_path / "cache.bin", progress=False).images
    assert ours.shape == (6, 3, 64, 32) and len(counted) == 12


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 1000, b"{}" + (2).to_bytes(8, "little"), None])
def test_a_file_that_is_no_whole_cache_is_made_anew(folder, tmp_path, counted, content):
    cache = tmp_path / "cache.bin"
    expected = I.decode(files(folder), cache=cache, progress=False).images.clone()
    whole = cache.read_bytes()
    cache.write_bytes(whole[1000:] if content is None else content)
    counted.clear()
    assert torch.equal(I.decode(files(folder), cache=cache, progress=False).images, expected)
    assert len(counted) == 6 and cache.read_bytes() == whole


def test_an_interrupted_cache_leaves_the_old_one_and_no_rubbish(folder, tmp_path, monkeypatch):
    cache = tmp_path / "cache.bin"
    I.decode(files(folder), cache=cache, progress=False)
    before = cache.read_bytes()

    def interrupted(*_):
        raise MemoryError

    monkeypatch.setattr(I, "decode_file", interrupted)
    with pytest.raises(MemoryError):
        I.decode(files(folder)[:3], cache=cache, progress=False)
    assert cache.read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_broken_files_are_remembered_by_the_cache(folder, tmp_path, counted):
    paths, _ = damage(folder)
    cache = tmp_path / "cache.bin"
    with pytest.raises(ValueError, match="5 of 6"):
        I.decode(paths, cache=cache, progress=False)
    first = I.decode(paths, cache=cache, corrupt="skip", progress=False)
    assert len(counted) == 6
    assert first.kept.tolist() == [5] and torch.equal(first.images[0], decode_one(paths[5]))
    assert len(first.corrupt) == 5
    assert cache.stat().st_size < 1.1 * first.images.nbytes
    scene().save(paths[3])  # the missing one comes back
    assert I.decode(paths, cache=cache, corrupt="skip", progress=False).kept.tolist() == [3, 5]


def test_nothing_but_broken_files(tmp_path):
    decoded = I.decode([tmp_path / "a.jpg"], cache=tmp_path / "cache.bin", corrupt="skip", progress=False)
    assert len(decoded.images) == 0 and decoded.corrupt == {str(tmp_path / "a.jpg"): "missing"}


def test_a_full_disk_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(I.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"cache\.bin takes 0 MB and 0 MB of its disk are free"):
        I.decode(files(folder), cache=tmp_path / "cache.bin", progress=False)
