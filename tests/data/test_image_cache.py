"""The cache is trusted only while it fits, and whole or not there."""

import os
import types

import pytest
import torch
from made_up_images import damage, decode_one, files, scene

from assignment_lib.data import decoding, image_cache
from assignment_lib.data.images import decode


@pytest.fixture
def counted(monkeypatch):
    """A list that grows by one with every file decoded."""
    calls, decode_file = [], decoding.decode_file
    monkeypatch.setattr(decoding, "decode_file", lambda path, size: calls.append(path) or decode_file(path, size))
    return calls


def test_a_cache_is_used_again(jpeg_folder, tmp_path, counted):
    cache = tmp_path / "new" / "cache.bin"
    plain = decode(files(jpeg_folder), progress=False).images
    counted.clear()
    first = decode(files(jpeg_folder), cache=cache, progress=False)
    again = decode(files(jpeg_folder), cache=str(cache), progress=False)
    assert len(counted) == 6
    for decoded in (first, again):
        assert torch.equal(decoded.images, plain) and decoded.kept.tolist() == list(range(6))
    assert [path.name for path in cache.parent.iterdir()] == ["cache.bin"]


def test_writing_to_cached_images_leaves_the_cache(jpeg_folder, tmp_path):
    images = decode(files(jpeg_folder), cache=tmp_path / "cache.bin", progress=False).images
    images.zero_()
    assert decode(files(jpeg_folder), cache=tmp_path / "cache.bin", progress=False).images.any()


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
def test_a_stale_cache_is_made_anew(jpeg_folder, tmp_path, counted, change):
    decode(files(jpeg_folder), cache=tmp_path / "cache.bin", progress=False)
    paths = change(files(jpeg_folder))
    counted.clear()
    ours = decode(paths, cache=tmp_path / "cache.bin", progress=False).images
    assert len(counted) == len(paths)
    assert torch.equal(ours, decode(paths, progress=False).images)


def test_another_size_is_another_cache(jpeg_folder, tmp_path, counted):
    decode(files(jpeg_folder), cache=tmp_path / "cache.bin", progress=False)
    ours = decode(files(jpeg_folder), (64, 32), cache=tmp_path / "cache.bin", progress=False).images
    assert ours.shape == (6, 3, 64, 32) and len(counted) == 12


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 1000, b"{}" + (2).to_bytes(8, "little"), None])
def test_a_file_that_is_no_whole_cache_is_made_anew(jpeg_folder, tmp_path, counted, content):
    cache = tmp_path / "cache.bin"
    expected = decode(files(jpeg_folder), cache=cache, progress=False).images.clone()
    whole = cache.read_bytes()
    cache.write_bytes(whole[1000:] if content is None else content)
    counted.clear()
    assert torch.equal(decode(files(jpeg_folder), cache=cache, progress=False).images, expected)
    assert len(counted) == 6 and cache.read_bytes() == whole


def test_an_interrupted_cache_leaves_the_old_one_and_no_rubbish(jpeg_folder, tmp_path, monkeypatch):
    cache = tmp_path / "cache.bin"
    decode(files(jpeg_folder), cache=cache, progress=False)
    before = cache.read_bytes()

    def interrupted(*_):
        raise MemoryError

    monkeypatch.setattr(decoding, "decode_file", interrupted)
    with pytest.raises(MemoryError):
        decode(files(jpeg_folder)[:3], cache=cache, progress=False)
    assert cache.read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_broken_files_are_remembered_by_the_cache(jpeg_folder, tmp_path, counted):
    paths, _ = damage(jpeg_folder)
    cache = tmp_path / "cache.bin"
    with pytest.raises(ValueError, match="5 of 6"):
        decode(paths, cache=cache, progress=False)
    first = decode(paths, cache=cache, corrupt="skip", progress=False)
    assert len(counted) == 6
    assert first.kept.tolist() == [5] and torch.equal(first.images[0], decode_one(paths[5]))
    assert len(first.corrupt) == 5
    assert cache.stat().st_size < 1.1 * first.images.nbytes
    scene().save(paths[3])  # the missing one comes back
    assert decode(paths, cache=cache, corrupt="skip", progress=False).kept.tolist() == [3, 5]


def test_nothing_but_broken_files(tmp_path):
    decoded = decode([tmp_path / "a.jpg"], cache=tmp_path / "cache.bin", corrupt="skip", progress=False)
    assert len(decoded.images) == 0 and decoded.corrupt == {str(tmp_path / "a.jpg"): "missing"}


def test_a_full_disk_is_named(jpeg_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(image_cache.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"cache\.bin takes 0 MB and 0 MB of its disk are free"):
        decode(files(jpeg_folder), cache=tmp_path / "cache.bin", progress=False)
