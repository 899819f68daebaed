"""Image files of every kind become upright RGB, in order; broken ones are named."""

import io

import numpy as np
import pytest
import torch
from made_up_images import assert_near, damage, decode_one, files, pixels, scene
from PIL import Image

from assignment_lib.data import images
from assignment_lib.data.images import _thumbnails, decode, near_duplicates, sizes


def test_plain_jpegs_come_in_order_as_pillow_decodes_them(jpeg_folder):
    decoded = decode(files(jpeg_folder), progress=False)
    assert decoded.images.shape == (6, 3, 128, 64) and decoded.images.dtype == torch.uint8
    assert decoded.images.is_contiguous()
    for ours, path in zip(decoded.images, files(jpeg_folder), strict=True):
        assert_near(ours, pixels(Image.open(path)), 0)


def test_one_pixel_wide_and_no_images():
    decoded = decode([], (1, 1), progress=False)
    assert decoded.images.shape == (0, 3, 1, 1)


def test_broken_files_stop_with_one_sentence_naming_them(jpeg_folder):
    paths, faults = damage(jpeg_folder)
    with pytest.raises(ValueError) as raised:
        decode(paths, progress=False)
    message = str(raised.value)
    assert message.startswith("5 of 6 images cannot be decoded: ") and "\n" not in message
    for path, fault in zip(paths[:5], faults, strict=True):
        assert str(path) in message and fault in message
    assert str(paths[5]) not in message


def test_many_broken_files_are_counted_after_the_first_few(tmp_path):
    with pytest.raises(ValueError, match=r"9 of 9 images.*0004\.jpg \(missing\) and 4 more;"):
        decode([tmp_path / f"{i:04d}.jpg" for i in range(9)], progress=False)


def test_sizes_come_from_headers_and_a_broken_file_is_named(jpeg_folder):
    paths = files(jpeg_folder)
    assert sizes(paths)[["width", "height", "mode"]].drop_duplicates().to_numpy().tolist() == [[64, 128, "RGB"]]
    assert sizes([str(path) for path in paths]).equals(sizes(paths))
    paths[2].write_text("<html>404</html>")
    with pytest.raises(ValueError, match=r"0002\.jpg cannot be read \(not an image\)"):
        sizes(paths)


def test_images_that_do_not_fit_into_memory_are_refused_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr(images, "_free_memory", lambda: 10**6)
    with pytest.raises(MemoryError, match="1,000 images of 128x64 need 25 MB"):
        decode(["nowhere.jpg"] * 1000)


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


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tif", "webp"])
def test_files_cut_off_anywhere_are_noticed(tmp_path, suffix):
    buffer = io.BytesIO()
    scene().save(buffer, {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix))
    content, path = buffer.getvalue(), tmp_path / f"a.{suffix}"
    for share in (0.02, 0.3, 0.6, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ValueError, match=path.name):
            decode([path], progress=False)


def test_floating_point_pixels_are_refused(tmp_path):
    Image.fromarray(np.ones((8, 8), dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="floating-point"):
        decode([tmp_path / "a.tif"], progress=False)


def test_results_do_not_depend_on_the_number_of_threads(jpeg_folder, monkeypatch):
    monkeypatch.setattr(images, "_FILES_PER_TASK", 2)
    one = decode(files(jpeg_folder), workers=1, progress=False).images
    assert torch.equal(one, decode(files(jpeg_folder), workers=5, progress=False).images)
    assert len({image.numpy().tobytes() for image in one}) == 6


def noise(count, seed):
    small = torch.randint(0, 256, (count, 3, 16, 8), generator=torch.Generator().manual_seed(seed)).float()
    return torch.nn.functional.interpolate(small, (64, 32), mode="bilinear").to(torch.uint8)


def test_the_same_scene_is_found_darker_and_noisier():
    scenes = noise(6, 0)
    copies = (scenes[[3, 5]].float() * 0.7 + torch.randn(2, 3, 64, 32)).clamp(0, 255).to(torch.uint8)
    found = near_duplicates(torch.cat([noise(2, 1), copies]), scenes)
    assert found.tolist() == [False, False, True, True]


def test_nothing_to_compare_with():
    scenes = noise(3, 0)
    assert near_duplicates(scenes, scenes[:0]).tolist() == [False] * 3
    assert near_duplicates(scenes[:0], scenes).tolist() == []


def test_thumbnails_have_mean_0_and_length_1_also_of_a_plain_image():
    small = _thumbnails(torch.cat([noise(2, 0), torch.full((1, 3, 64, 32), 9, dtype=torch.uint8)]))
    assert torch.allclose(small[:2].norm(dim=1), torch.ones(2), atol=1e-5) and small.mean(1).abs().max() < 1e-6
    assert small.isfinite().all()
