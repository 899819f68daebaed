"""A picture of one's own, from the bytes of its file: bounded in size and in pixels, decoded as the library decodes."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from assignment_lib.data.images import decode_file

#: Jupyter's server closes the connection to a browser that sends more than 10 MiB, and a photograph of a telephone has less.
MOST_BYTES, MOST_PIXELS = 8_000_000, 60_000_000
#: Among what Pillow reads are formats that start other programs; these do not.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO", "PPM")


def read_picture(content: bytes, name: str, size: tuple[int, int]) -> Tensor:
    """The picture in the file `name` as uint8 `(3, H, W)` of `size` = (height, width), as `images.decode` makes it.

    Raises ValueError with one sentence for a file that is too large, has too many pixels, or is no picture. The pixels are
    counted in the header, before anything is decoded.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"{name} has {len(content) / 1e6:.0f} MB; give a picture of at most {MOST_BYTES / 1e6:.0f} MB")
    if not content:
        raise ValueError(f"{name} is empty; give a picture of a person")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            pixels = image.width * image.height
    except Image.DecompressionBombError:
        pixels = MOST_PIXELS + 1
    except Exception as error:  # decoders raise nearly everything on broken files
        raise ValueError(f"{name} is not a picture; give a JPEG, PNG or WebP file") from error
    if pixels > MOST_PIXELS:
        raise ValueError(f"{name} has too many pixels; give a picture of at most {MOST_PIXELS / 1e6:.0f} million")
    try:
        pixels_of_it = decode_file(BytesIO(content), size)
    except Exception as error:
        raise ValueError(f"{name} cannot be decoded ({error}); give another copy of it") from error
    return torch.from_numpy(np.ascontiguousarray(pixels_of_it.transpose(2, 0, 1)))


def uploaded(value: Any) -> tuple[str, bytes] | None:
    """Name and bytes of the last file of a FileUpload's `value`, None for none: a dict in ipywidgets 7, a tuple in 8."""
    if not value:
        return None
    if isinstance(value, Mapping):
        name, file = list(value.items())[-1]
        return str(name), bytes(file["content"])
    return str(value[-1]["name"]), bytes(value[-1]["content"])
