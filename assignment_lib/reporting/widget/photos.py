"""Images as text inside a page, heat maps over images, and uploaded photos, bounded in bytes and pixels."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from assignment_lib.data.images import decode_file

#: Jupyter's server closes the connection to a browser that sends more than 10 MiB; a phone's photos are smaller.
MAX_BYTES, MAX_PIXELS = 8_000_000, 60_000_000
#: Some formats that Pillow reads start other programs; these do not.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO", "PPM")


def data_uri(image: Tensor) -> str:
    """An image uint8 `(3, H, W)` as the `src` of an `<img>`. JPEG: WebP is a third smaller but takes seven times as long."""
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    content = BytesIO()
    picture.save(content, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def with_heat(image: Tensor, heat: Tensor) -> Tensor:
    """`image` uint8 `(3, H, W)`, darkened where a map `(h, w)` is low: its minimum becomes nearly black."""
    stretched = (heat - heat.min()) / (heat.max() - heat.min()).clamp(min=1e-12)
    large = F.interpolate(stretched[None, None].float(), image.shape[1:], mode="bilinear", align_corners=False)[0]
    return (image * (0.15 + 0.85 * large)).to(torch.uint8)


def read_photo(content: bytes, name: str, size: tuple[int, int]) -> Tensor:
    """The photo in a file's `content` as uint8 `(3, H, W)` of `size` (height, width), converted as `images.decode` does.

    Pixels are counted in the header, before decoding. Raises `ValueError` with one sentence for a file that is empty, too
    large or not an image.
    """
    if not 0 < len(content) <= MAX_BYTES:
        size_mb, most = len(content) / 1e6, MAX_BYTES / 1e6
        raise ValueError(f"{name} has {size_mb:.1f} MB. Upload an image of at most {most:.0f} MB.")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            pixels = image.width * image.height
        if pixels <= MAX_PIXELS:
            decoded = decode_file(BytesIO(content), size)
    except Image.DecompressionBombError:
        pixels = MAX_PIXELS + 1
    except Exception as error:  # decoders raise many types for damaged files
        raise ValueError(f"{name} cannot be decoded. Upload an undamaged JPEG, PNG or WebP file.") from error
    if pixels > MAX_PIXELS:
        raise ValueError(f"{name} has too many pixels. Upload an image of at most {MAX_PIXELS / 1e6:.0f} megapixels.")
    return torch.from_numpy(np.ascontiguousarray(decoded.transpose(2, 0, 1)))


def uploaded_file(value: Any) -> tuple[str, bytes]:
    """Name and content of the last file in a `FileUpload.value`: a dict in ipywidgets 7, a tuple in 8."""
    if isinstance(value, Mapping):
        name, file = list(value.items())[-1]
        return str(name), bytes(file["content"])
    return str(value[-1]["name"]), bytes(value[-1]["content"])
