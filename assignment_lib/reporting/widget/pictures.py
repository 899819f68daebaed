"""Pictures as a page holds them: small files within its text, made only of what is seen.

JPEG: a drawn person of 64 x 128 pixels takes 2.7 kB; as WebP 1.6 to 1.8 kB and seven times as long.
"""

from __future__ import annotations

import base64
from io import BytesIO

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

_TALLEST = 256  # pixels; a page shows pictures at about 150


def data_uri(image: Tensor) -> str:
    """An image uint8 `(3, H, W)` as the `src` of an `<img>`."""
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    if picture.height > _TALLEST:
        picture.thumbnail((picture.width, _TALLEST))
    file = BytesIO()
    picture.save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def with_heat(image: Tensor, heat: Tensor) -> Tensor:
    """`image` uint8 `(3, H, W)` under a map `(h, w)`: what is high in it is bright and yellow, the rest dark and blue.

    The map is stretched to 0 to 1. Lightness says the same as the colour, so that it is read without seeing colours too.
    """
    low, high = heat.min(), heat.max()
    even = (heat - low) / (high - low).clamp(min=1e-12)
    large = F.interpolate(even[None, None].float(), image.shape[1:], mode="bilinear", align_corners=False)[0, 0]
    stops = torch.tensor(
        [[0, 32, 96], [90, 100, 120], [255, 234, 70]], dtype=torch.float32
    )  # about matplotlib's cividis
    place = large * 2
    below = place.floor().clamp(max=1).long()
    part = (place - below)[..., None]
    colour = stops[below] * (1 - part) + stops[below + 1] * part
    gray = image.float().mean(0)[..., None]
    return (0.55 * colour + 0.45 * gray * (0.4 + 0.6 * large[..., None])).clamp(0, 255).to(torch.uint8).permute(2, 0, 1)
