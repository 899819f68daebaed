"""Large images are announced, too large ones refused before anything is decoded."""

import sys
import types

import pytest
from made_up_images import files

from assignment_lib.data import decoding, memory
from assignment_lib.data.images import decode


def test_large_stores_are_announced_and_small_ones_are_not(jpeg_folder, monkeypatch, capsys):
    decode(files(jpeg_folder), progress=False)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(memory, "ANNOUNCED_BYTES", 100_000)
    decode(files(jpeg_folder), progress=False)
    assert capsys.readouterr().out == "6 images of 128x64: 0 MB of memory\n"
    memory.announce((12936, 3, 128, 64), "memory")
    assert capsys.readouterr().out == "12,936 images of 128x64: 318 MB of memory\n"


def with_free_memory(monkeypatch, free):
    memory = types.SimpleNamespace(available=free)
    monkeypatch.setitem(sys.modules, "psutil", types.SimpleNamespace(virtual_memory=lambda: memory))


def test_what_does_not_fit_is_refused_before_anything_is_decoded(jpeg_folder, monkeypatch):
    with_free_memory(monkeypatch, 100_000)
    monkeypatch.setattr(decoding, "decode_file", lambda *_: pytest.fail("decoded"))
    with pytest.raises(MemoryError, match=r"6 images of 128x64 take 0 MB .* cache="):
        decode(files(jpeg_folder), progress=False)


def test_a_cache_needs_no_memory(jpeg_folder, tmp_path, monkeypatch):
    with_free_memory(monkeypatch, 100_000)
    assert len(decode(files(jpeg_folder), cache=tmp_path / "cache.bin", progress=False).images) == 6


def test_without_psutil_memory_is_not_checked(jpeg_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert memory._free_memory() is None
    assert len(decode(files(jpeg_folder), progress=False).images) == 6
