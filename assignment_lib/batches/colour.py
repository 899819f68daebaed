"""Colour jitter: brightness, contrast and saturation as one linear map, and the hue."""

from __future__ import annotations

import torch
from torch import Tensor

from assignment_lib.batches.draws import Parameters
from assignment_lib.batches.rows import change_rows, send

# torchvision's luma weights (ITU-R 601-2); they sum to 0.9999, and so they do here, for equal results.
_LUMA = (0.2989, 0.587, 0.114)


def jitter(images: Tensor, parameters: Parameters) -> Tensor:
    """float32 `images` (B, 3, H, W) with the brightness, contrast, saturation and hue of `parameters`. Works in place.

    Brightness, contrast and saturation are one linear map, clamped to [0, 1] once at its end where torchvision clamps
    after each step. The results are equal wherever no step in between leaves [0, 1]; elsewhere detail may be kept that
    torchvision flattens on its way.
    """
    values = torch.stack((parameters.brightness, parameters.contrast, parameters.saturation, parameters.hue), 1)
    changed = (values != torch.tensor([1, 1, 1, 0], dtype=torch.float64)).any(1)

    def change(part: Tensor) -> Tensor:
        brightness, contrast, saturation, hue = values[changed].unbind(1)
        part = _adjust_brightness_contrast_saturation(part, brightness, contrast, saturation)
        return _turn_hue(part, hue) if hue.any() else part

    return change_rows(changed, images, change)


def _adjust_brightness_contrast_saturation(
    images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor
) -> Tensor:
    """In place. With pixel p, its grey g and the picture's mean grey m, the three steps are p·own + g·grey + m·mean."""
    own = brightness * contrast * saturation
    grey = brightness * contrast * (1 - saturation)
    mean = brightness * (1 - contrast) * (saturation + (1 - saturation) * sum(_LUMA))
    own, grey, mean = send(torch.stack((own, grey, mean)), images)[..., None, None]
    red, green, blue = images.unbind(1)
    luma = (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])
    shift = luma.mean((1, 2), keepdim=True) * mean
    luma.mul_(grey).add_(shift)
    return images.mul_(own[:, None]).add_(luma[:, None]).clamp_(0, 1)


def _turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """In place: the hue of HSV moved by `turns` (n,), value and saturation kept.

    A channel is max - (max - min) · clamp(2 - |3 - d|, 0, 1), where d is how far, in sixths of a turn, its own primary
    (red 0, green 2, blue 4) lies from the hue. This equals torchvision's six cases without a comparison, which costs
    ten times an addition on a CPU.
    """
    red, green, blue = images.unbind(1)
    highest = torch.maximum(torch.maximum(red, green), blue)
    spread = highest - torch.minimum(torch.minimum(red, green), blue)
    safe = spread.clamp_min(torch.finfo(torch.float32).tiny)
    # Sixths of a turn away from red: s where red is highest, s + e where it lies between, 3 - s where it is lowest, with
    # s = |green - blue| / spread and e = (max - red) / spread. As e is 0 in the first, s is 1 in the second and e is 1
    # in the third, one polynomial is all three: s + e (3 - 2s). Its sign is that of green - blue.
    towards_green = (green - blue).div_(safe)
    side = towards_green.abs()
    hue = torch.rsub(side, 3, alpha=2).mul_((highest - red).div_(safe)).add_(side).copysign_(towards_green)
    # In turns, and positive before the whole part is taken off.
    hue = torch.add(send(turns + 2, images)[:, None, None], hue, alpha=1 / 6).frac_()
    primaries = torch.tensor([0, 1 / 3, 2 / 3], dtype=torch.float32)
    torch.sub(hue[:, None], send(primaries, images)[:, None, None], out=images)
    images.abs_().sub_(0.5).abs_()
    torch.sub(torch.full((), 2.0, device=images.device), images, alpha=6, out=images)
    return torch.addcmul(highest[:, None], images.clamp_(0, 1), spread[:, None], value=-1, out=images)
