"""Threads fill the tensor in order, however many there are."""

import torch
from made_up_images import files

from assignment_lib.data import decoding
from assignment_lib.data.images import decode


def test_results_do_not_depend_on_the_number_of_threads(jpeg_folder, monkeypatch):
    monkeypatch.setattr(decoding, "_FILES_PER_TASK", 2)
    one = decode(files(jpeg_folder), workers=1, progress=False).images
    assert torch.equal(one, decode(files(jpeg_folder), workers=5, progress=False).images)
    assert len({image.numpy().tobytes() for image in one}) == 6
