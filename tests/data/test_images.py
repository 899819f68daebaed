"""Files come in order; broken ones stop or are left out, and are named."""

import pytest
import torch
from made_up_images import assert_near, damage, decode_one, files, pixels
from PIL import Image

from assignment_lib.data.images import decode


def test_plain_jpegs_come_in_order_as_pillow_decodes_them(jpeg_folder):
    decoded = decode(files(jpeg_folder), progress=False)
    assert decoded.images.shape == (6, 3, 128, 64) and decoded.images.dtype == torch.uint8
    assert decoded.images.is_contiguous()
    assert decoded.kept.tolist() == list(range(6)) and decoded.corrupt == {}
    for ours, path in zip(decoded.images, files(jpeg_folder), strict=True):
        assert_near(ours, pixels(Image.open(path)), 0)


def test_one_pixel_wide_and_no_images():
    decoded = decode([], (1, 1), progress=False)
    assert decoded.images.shape == (0, 3, 1, 1) and len(decoded.kept) == 0


def test_broken_files_stop_with_one_sentence_naming_them(jpeg_folder):
    paths, faults = damage(jpeg_folder)
    with pytest.raises(ValueError) as raised:
        decode(paths, progress=False)
    message = str(raised.value)
    assert message.startswith("5 of 6 images cannot be decoded: ") and "\n" not in message
    for path, fault in zip(paths[:5], faults, strict=True):
        assert str(path) in message and fault in message
    assert 'corrupt="skip"' in message and str(paths[5]) not in message


def test_broken_files_are_left_out_on_request(jpeg_folder):
    paths, faults = damage(jpeg_folder)
    last = decode_one(paths[5])
    decoded = decode([*paths, paths[5]], corrupt="skip", progress=False)
    assert decoded.kept.tolist() == [5, 6]
    assert torch.equal(decoded.images, torch.stack([last, last]))
    assert list(decoded.corrupt) == [str(path) for path in paths[:5]]
    assert all(fault in reason for fault, reason in zip(faults, decoded.corrupt.values(), strict=True))


def test_many_broken_files_are_counted_after_the_first_few(tmp_path):
    with pytest.raises(ValueError, match=r"9 of 9 images.*0004\.jpg \(missing\) and 4 more;"):
        decode([tmp_path / f"{i:04d}.jpg" for i in range(9)], progress=False)


def test_the_choice_is_checked(jpeg_folder):
    with pytest.raises(ValueError, match='"stop" or "skip"'):
        decode(files(jpeg_folder), corrupt="ignore")
