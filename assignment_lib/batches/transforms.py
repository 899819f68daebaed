"""The pixel operations of the random transforms, for a whole batch on its own device.

Flip, rotation, affine and perspective are one homography per image and one interpolation; brightness, contrast and
saturation are one linear map. `augmentation.py` draws the parameters and calls these functions.

Matrices are (n, 3, 3) float64 and map a pixel of the output to a pixel of the input. As in torchvision, coordinates are
pixels from the centre of the image, x to the right and y down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from assignment_lib.batches.augmentation import Parameters


def change_rows(chosen: Tensor, images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `change` to the rows of `images` where `chosen` (n,) bool, on the CPU, is true. May work in place."""
    if not chosen.any():
        return images
    if chosen.all():
        return change(images)
    rows = chosen.nonzero()[:, 0].to(images.device, non_blocking=True)
    return images.index_copy_(0, rows, change(images.index_select(0, rows)))


def send(parameters: Tensor, images: Tensor) -> Tensor:
    """A float32 copy of a CPU tensor on the device of `images`, without waiting."""
    return parameters.to(torch.float32).to(images.device, non_blocking=True)


def image_corners(size: tuple[int, int]) -> Tensor:
    """The corners of an image of `size` = (height, width), clockwise from the top left: (4, 2) float64 pixels x, y."""
    height, width = size
    right, bottom = width - 1, height - 1
    return torch.tensor([[0, 0], [right, 0], [right, bottom], [0, bottom]], dtype=torch.float64)


def warp(images: Tensor, parameters: Parameters) -> Tensor:
    """Flip, rotate, shift and distort float32 `images` (B, 3, H, W); may work in place."""
    matrices = (
        flip_matrix(parameters.flip)
        @ rotation_matrix(parameters.angle)
        @ affine_matrix(parameters.translation, parameters.scale, parameters.shear)
        @ perspective_matrix(parameters.corners, parameters.size)
    )
    moved = (matrices != torch.eye(3, dtype=torch.float64)).any(2).any(1)
    return change_rows(moved, images, lambda part: _resample(part, matrices[moved]))


def flip_matrix(flip: Tensor) -> Tensor:
    """The matrix of a horizontal flip where `flip` (n,) is true, else the identity."""
    matrix = torch.eye(3, dtype=torch.float64).repeat(len(flip), 1, 1)
    matrix[:, 0, 0] = 1.0 - 2.0 * flip
    return matrix


def rotation_matrix(degrees: Tensor) -> Tensor:
    """The matrix of a counter-clockwise rotation by `degrees` (n,) about the centre."""
    angle = degrees.deg2rad()
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    return _matrix(angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos(), zero, zero, zero, one)


def affine_matrix(translation: Tensor, scale: Tensor, shear: Tensor) -> Tensor:
    """The matrix of a shear along x by `shear` (n,) degrees, a scaling and a shift by `translation` (n, 2) pixels."""
    tangent, (right, down) = shear.deg2rad().tan(), translation.unbind(1)
    zero, one = torch.zeros_like(scale), torch.ones_like(scale)
    shift_x = -(right + tangent * down) / scale
    return _matrix(1 / scale, tangent / scale, shift_x, zero, 1 / scale, -down / scale, zero, zero, one)


def perspective_matrix(corners: Tensor, size: tuple[int, int]) -> Tensor:
    """The matrix that moves the corners of the image to `corners` (n, 4, 2)."""
    height, width = size
    moved = (corners != image_corners(size)).any(2).any(1)
    matrix = torch.eye(3, dtype=torch.float64).repeat(len(corners), 1, 1)
    # Heckbert (1989), "Fundamentals of Texture Mapping and Image Warping", 2.2.3: from the unit square to four corners.
    # This matrix is invertible for every convex quadrilateral; the usual eight equations are not always solvable.
    first, second, third, fourth = corners[moved].unbind(1)
    (x1, y1), (x2, y2) = (second - third).unbind(1), (fourth - third).unbind(1)
    bend_x, bend_y = (first - second + third - fourth).unbind(1)
    area = x1 * y2 - x2 * y1
    g, h = (bend_x * y2 - x2 * bend_y) / area, (x1 * bend_y - bend_x * y1) / area
    a, d = (second - first + g[:, None] * second).unbind(1)
    b, e = (fourth - first + h[:, None] * fourth).unbind(1)
    to_corners = _matrix(a, b, first[:, 0], d, e, first[:, 1], g, h, torch.ones_like(g))
    to_pixels = torch.tensor([width - 1, height - 1, 1], dtype=torch.float64).diag()
    # torchvision measures corners from the edge of the image, and everything else from its centre.
    to_edge = torch.tensor([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]], dtype=torch.float64)
    matrix[moved] = torch.linalg.inv(to_edge) @ to_pixels @ torch.linalg.inv(to_corners) @ to_edge
    return matrix


def _resample(images: Tensor, matrices: Tensor) -> Tensor:
    """Bilinear interpolation of `images` (B, 3, H, W) with one matrix per image."""
    height, width = images.shape[-2:]
    pixels = torch.tensor([width / 2, height / 2, 1.0], dtype=torch.float64)
    projective = (matrices[:, 2] != torch.tensor([0, 0, 1], dtype=torch.float64)).any(1)
    # grid_sample counts from -1 to 1 between the outer edges; float64 on the CPU keeps the small products exact.
    a = send(matrices * pixels / pixels[:, None], images)[..., None, None]
    x = torch.arange(1 - width, width, 2, device=images.device, dtype=torch.float32).div_(width)
    y = torch.arange(1 - height, height, 2, device=images.device, dtype=torch.float32).div_(height)[:, None]
    # Each coordinate is the sum of a row and a column: one pass per coordinate, no matrix product over all pixels.
    grid = torch.empty(len(images), 2, height, width, device=images.device, dtype=torch.float32)
    torch.add(a[:, 0, 0] * x, a[:, 0, 1] * y + a[:, 0, 2], out=grid[:, 0])
    torch.add(a[:, 1, 0] * x, a[:, 1, 1] * y + a[:, 1, 2], out=grid[:, 1])

    def divide(part: Tensor) -> Tensor:
        b = send(matrices[projective] * pixels / pixels[:, None], images)[..., None, None]
        return part.div_((b[:, 2, 0] * x + (b[:, 2, 1] * y + b[:, 2, 2]))[:, None])

    grid = change_rows(projective, grid, divide).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _matrix(*entries: Tensor) -> Tensor:
    return torch.stack(entries, 1).view(-1, 3, 3)


# torchvision's luma weights (ITU-R 601-2). They sum to 0.9999; we keep that for equal results.
_LUMA = (0.2989, 0.587, 0.114)


def jitter(images: Tensor, parameters: Parameters) -> Tensor:
    """Change brightness, contrast, saturation and hue of float32 `images` (B, 3, H, W). Works in place.

    Brightness, contrast and saturation are one linear map, clamped to [0, 1] once at its end; torchvision clamps after each
    step. The results are equal wherever no intermediate value leaves [0, 1].
    """
    values = torch.stack((parameters.brightness, parameters.contrast, parameters.saturation, parameters.hue), 1)
    changed = (values != torch.tensor([1, 1, 1, 0], dtype=torch.float64)).any(1)

    def change(part: Tensor) -> Tensor:
        brightness, contrast, saturation, hue = values[changed].unbind(1)
        part = _adjust_color(part, brightness, contrast, saturation)
        return _turn_hue(part, hue) if hue.any() else part

    return change_rows(changed, images, change)


def _adjust_color(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """In place. With pixel p, its grey g and the image's mean grey m, the steps are p·color + g·grey + m·mean."""
    color = brightness * contrast * saturation
    grey = brightness * contrast * (1 - saturation)
    mean = brightness * (1 - contrast) * (saturation + (1 - saturation) * sum(_LUMA))
    color, grey, mean = send(torch.stack((color, grey, mean)), images)[..., None, None]
    red, green, blue = images.unbind(1)
    luma = (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])
    shift = luma.mean((1, 2), keepdim=True) * mean
    luma.mul_(grey).add_(shift)
    return images.mul_(color[:, None]).add_(luma[:, None]).clamp_(0, 1)


def _turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """In place: rotate the hue of HSV by `turns` (n,); value and saturation stay.

    A channel is max - (max - min) · clamp(2 - |3 - d|, 0, 1), where d is the distance, in sixths of a turn, of its primary
    colour (red 0, green 2, blue 4) from the hue: torchvision's six cases without comparisons, which are slow on a CPU.
    """
    red, green, blue = images.unbind(1)
    highest = torch.maximum(torch.maximum(red, green), blue)
    spread = highest - torch.minimum(torch.minimum(red, green), blue)
    safe = spread.clamp_min(torch.finfo(torch.float32).tiny)
    # The distance of the hue from red in sixths of a turn is s where red is highest, s + e where it is in between, and
    # 3 - s where it is lowest, with s = |green - blue| / spread and e = (max - red) / spread. Since e is 0 in the first
    # case, s is 1 in the second and e is 1 in the third, all three equal s + e (3 - 2s). The sign is that of green - blue.
    towards_green = (green - blue).div_(safe)
    side = towards_green.abs()
    hue = torch.rsub(side, 3, alpha=2).mul_((highest - red).div_(safe)).add_(side).copysign_(towards_green)
    # In turns; + 2 makes it positive, so that the fractional part is right.
    hue = torch.add(send(turns + 2, images)[:, None, None], hue, alpha=1 / 6).frac_()
    primaries = torch.tensor([0, 1 / 3, 2 / 3], dtype=torch.float32)
    torch.sub(hue[:, None], send(primaries, images)[:, None, None], out=images)
    images.abs_().sub_(0.5).abs_()
    torch.sub(torch.full((), 2.0, device=images.device), images, alpha=6, out=images)
    return torch.addcmul(highest[:, None], images.clamp_(0, 1), spread[:, None], value=-1, out=images)


def sharpen(images: Tensor, parameters: Parameters) -> Tensor:
    """Sharpen float32 `images` (B, 3, H, W) by `parameters.sharpness` (below 1: blur). Works in place."""
    chosen = parameters.sharpness != 1
    return change_rows(chosen, images, lambda part: _blend_with_blur(part, parameters.sharpness[chosen]))


def _blend_with_blur(images: Tensor, factors: Tensor) -> Tensor:
    """In place: factor · image + (1 - factor) · blur, where the blur weights a pixel by 5 and its eight neighbours by 1.

    The outermost pixels stay, as in torchvision. The rows are one long vector, so that sums run over long blocks; sums that
    cross an edge belong to outermost pixels, whose weight is 0.
    """
    height, width = images.shape[-2:]
    inner = torch.zeros(height, width, dtype=torch.float64)
    inner[1:-1, 1:-1] = 1 / 13
    first, last = width + 1, height * width - width - 1
    weights = send((1 - factors)[:, None] * inner.flatten()[first:last], images)[:, None]
    flat = images.flatten(2)
    rows = flat[..., :-2] + flat[..., 1:-1]
    rows.add_(flat[..., 2:])
    sums = rows[..., : -2 * width] + rows[..., width:-width]  # of 3 x 3 pixels
    sums.add_(rows[..., 2 * width :])
    center = flat[..., first:last]
    center.addcmul_(sums.sub_(center, alpha=9), weights).clamp_(0, 1)
    return images


#: Colour of an erased box: ImageNet's mean, which is zero after normalisation. Black would look like dark clothes.
ERASED_COLOR = (0.485, 0.456, 0.406)


def erase(images: Tensor, parameters: Parameters) -> Tensor:
    """Fill the boxes `parameters.box` of float32 `images` (B, 3, H, W) with `ERASED_COLOR`. Works in place."""
    chosen = parameters.box[:, 2] > 0

    def fill(part: Tensor) -> Tensor:
        top, left, height, width = parameters.box[chosen, :, None].unbind(1)
        y, x = torch.arange(part.shape[-2]), torch.arange(part.shape[-1])
        rows = send((y >= top) & (y < top + height), images)
        columns = send((x >= left) & (x < left + width), images)
        color = send(torch.tensor(ERASED_COLOR), images)[:, None, None]
        return part.lerp_(color.expand_as(part), (rows[:, None, :, None] * columns[:, None, None, :]).expand_as(part))

    return change_rows(chosen, images, fill)
