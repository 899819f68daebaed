"""The seven random transforms of the report, random per sample, a whole batch at a time, on the batch's own device.

Rotation, colour jitter, horizontal flip, erasing, affine, perspective and sharpness, with torchvision's conventions for
their ranges. `augment` is `draw_parameters` followed by `apply`:

- Random numbers are drawn on the CPU, so the same generator gives the same pictures on every device, and a resumed run
  replays. Only these few numbers a sample travel to the device; no pixel is read back.
- The four geometric transforms are multiplied into one homography a sample, so that a picture is interpolated once.
- The order is fixed: flip, rotation, affine, perspective · brightness, contrast, saturation, hue · sharpness · erasing.
  torchvision shuffles the four colour steps at every call; a shuffle a sample would split the batch into 24 pieces.
- What a warp uncovers repeats the border pixel. Black or grey would be a colour that the person does not wear, and two
  of the colours to be told apart; the border continues the background.
- An erased box takes ImageNet's mean colour, which is zero after normalisation: no information, rather than black.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

#: The seven, in the report's order; each is also the name of its probability in `Augmentation`.
TRANSFORMS = ("rotation", "color_jitter", "flip", "erasing", "affine", "perspective", "sharpness")

#: ImageNet's mean colour, the fill of an erased box.
ERASED_COLOR = (0.485, 0.456, 0.406)

# torchvision's luma weights (ITU-R 601-2); they sum to 0.9999, and so they do here, for equal results.
_LUMA = (0.2989, 0.587, 0.114)
_ERASING_ATTEMPTS = 10
# Random numbers a sample: whether each transform happens, ten ranges, four corners, an erased box.
_DRAWS = (len(TRANSFORMS), 10, 8, 2 + 2 * _ERASING_ATTEMPTS)


@dataclass(frozen=True)
class Augmentation:
    """How often and how far each transform goes. A field named like a transform is its probability; 0 switches it off.

    Ranges follow torchvision: `degrees` and `shear` in degrees either way, `translate` in shares of width and height,
    `brightness`, `contrast`, `saturation` as factors in 1 ± x, `hue` in turns either way (small, since colours are
    labels), `distortion` as the share of the half side by which a corner moves inwards, `erasing_scale` the erased share
    of the area and `erasing_ratio` its height through width. The defaults are mild, for upright people in 128x64.

    Raises ValueError, in one sentence, where a value is out of its range.
    """

    rotation: float = 1.0
    degrees: float = 10.0
    color_jitter: float = 1.0
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.02
    flip: float = 0.5
    erasing: float = 0.3
    erasing_scale: tuple[float, float] = (0.02, 0.2)
    erasing_ratio: tuple[float, float] = (0.3, 3.3)
    affine: float = 1.0
    translate: tuple[float, float] = (0.05, 0.05)
    scale: tuple[float, float] = (0.9, 1.1)
    shear: float = 5.0
    perspective: float = 0.3
    distortion: float = 0.2
    sharpness: float = 0.3
    sharpness_range: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self):
        for field in fields(self):  # lists, as they come back from JSON, become tuples: equality and hash stay
            if isinstance(getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(getattr(self, field.name)))
        for name in TRANSFORMS:
            _require(0 <= getattr(self, name) <= 1, f"{name}={getattr(self, name)} is a probability, between 0 and 1")
        for name in ("brightness", "contrast", "saturation"):
            _require(getattr(self, name) >= 0, f"{name}={getattr(self, name)} must not be negative")
        _require(0 <= self.hue <= 0.5, f"hue={self.hue} is in turns, between 0 and 0.5")
        _require(0 <= self.distortion <= 1, f"distortion={self.distortion} is a share, between 0 and 1")
        _require(abs(self.shear) < 90, f"shear={self.shear} degrees must stay below 90")
        _require(all(0 <= share <= 1 for share in self.translate), f"translate={self.translate} are shares, 0 to 1")
        for name, least in (("scale", 1e-3), ("erasing_scale", 0), ("erasing_ratio", 1e-3), ("sharpness_range", 0)):
            low, high = getattr(self, name)
            _require(least <= low <= high, f"{name}={low, high} must be (low, high) with low at least {least:g}")


def only(name: str, settings: Augmentation | None = None) -> Augmentation:
    """`settings` (the defaults where None) with the transform `name` certain and the six others off."""
    _require(name in TRANSFORMS, f"{name!r} is none of the transforms {', '.join(TRANSFORMS)}")
    return replace(settings or Augmentation(), **{other: float(other == name) for other in TRANSFORMS})


@dataclass(frozen=True)
class Parameters:
    """What was drawn for each of n samples, on the CPU; float64 unless said otherwise.

    A transform that was not drawn holds its neutral value: angle 0, factor 1, the picture's own corners, an empty box.
    """

    size: tuple[int, int]  # height, width in pixels
    flip: Tensor  # (n,) bool
    angle: Tensor  # (n,) degrees, counter-clockwise
    translation: Tensor  # (n, 2) pixels, right and down
    scale: Tensor  # (n,)
    shear: Tensor  # (n,) degrees, along x
    corners: Tensor  # (n, 4, 2) pixels x, y, clockwise from the top left: where the picture's corners go
    brightness: Tensor  # (n,) factors
    contrast: Tensor
    saturation: Tensor
    hue: Tensor  # (n,) turns
    sharpness: Tensor  # (n,) factor
    box: Tensor  # (n, 4) int64: top, left, height, width of the erased box

    def __len__(self) -> int:
        return len(self.flip)


def augment(images: Tensor, settings: Augmentation | None = None, generator: torch.Generator | None = None) -> Tensor:
    """`images` with random transforms, drawn for each sample by itself.

    images: (B, 3, H, W), uint8 or float32 in [0, 1], on any device, in any memory format; left as they are.
    settings: the default `Augmentation()` where None.
    generator: a CPU generator; torch's own where None.
    Returns float32 in [0, 1], (B, 3, H, W), contiguous, on the same device.
    """
    _check_images(images)
    return apply(images, draw_parameters(len(images), tuple(images.shape[-2:]), settings, generator))


def draw_parameters(
    n: int, size: tuple[int, int], settings: Augmentation | None = None, generator: torch.Generator | None = None
) -> Parameters:
    """Draw for `n` samples of `size` = (height, width) what `apply` shall do.

    Every call takes the same count of random numbers whatever the settings, and each transform its own: switching one
    off leaves the draws of the others, and of all later batches, as they were.
    """
    settings = settings or Augmentation()
    height, width = size
    numbers = torch.rand(sum(_DRAWS), n, generator=generator, dtype=torch.float64)
    chances, ranges, corners, boxes = numbers.split(_DRAWS)
    happens = {name: chance < getattr(settings, name) for name, chance in zip(TRANSFORMS, chances, strict=True)}
    ranges = iter(ranges)

    def between(low: float, high: float, name: str, neutral: float) -> Tensor:
        return torch.where(happens[name], low + (high - low) * next(ranges), neutral)

    def factor(spread: float) -> Tensor:
        return between(max(0.0, 1 - spread), 1 + spread, "color_jitter", 1.0)

    reach_x, reach_y = settings.translate[0] * width, settings.translate[1] * height
    return Parameters(
        size=(height, width),
        flip=happens["flip"],
        angle=between(-settings.degrees, settings.degrees, "rotation", 0.0),
        translation=torch.stack(
            (between(-reach_x, reach_x, "affine", 0.0), between(-reach_y, reach_y, "affine", 0.0)), 1
        ),
        scale=between(*settings.scale, "affine", 1.0),
        shear=between(-settings.shear, settings.shear, "affine", 0.0),
        brightness=factor(settings.brightness),
        contrast=factor(settings.contrast),
        saturation=factor(settings.saturation),
        hue=between(-settings.hue, settings.hue, "color_jitter", 0.0),
        sharpness=between(*settings.sharpness_range, "sharpness", 1.0),
        corners=_draw_corners(size, settings.distortion, happens["perspective"], corners.T),
        box=_draw_boxes(size, settings, happens["erasing"], boxes),
    )


def apply(images: Tensor, parameters: Parameters) -> Tensor:
    """`images` transformed as `parameters` say; shapes and dtypes as in `augment`.

    Brightness, contrast and saturation are one linear map, clamped to [0, 1] once at its end where torchvision clamps
    after each step. The results are equal wherever no step in between leaves [0, 1]; else detail that torchvision
    flattens on its way may be kept.
    """
    _check_images(images)
    _require(
        len(parameters) == len(images) and parameters.size == tuple(images.shape[-2:]),
        f"these parameters are for {len(parameters)} images of {parameters.size}, not {tuple(images.shape)}",
    )
    with torch.no_grad():
        images = to_float(images)
        images = _warp(images, parameters)
        images = _jitter(images, parameters)
        images = _sharpen(images, parameters)
        return _erase(images, parameters)


def to_float(images: Tensor) -> Tensor:
    """A contiguous float32 copy in [0, 1] of uint8 (0..255) or float32 images, on their device."""
    copied = images.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    return copied.div_(255) if images.dtype == torch.uint8 else copied


# Geometry. All matrices are (n, 3, 3) float64 and map an output pixel to the input pixel it shows, in pixels from the
# centre of the picture, x to the right and y down: torchvision's convention.


def homographies(parameters: Parameters) -> Tensor:
    """Flip, then rotation, then affine, then perspective, as one matrix a sample."""
    return (
        flip_matrix(parameters.flip)
        @ rotation_matrix(parameters.angle)
        @ affine_matrix(parameters.translation, parameters.scale, parameters.shear)
        @ perspective_matrix(parameters.corners, parameters.size)
    )


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
    """The matrix that brings the picture's own corners to `corners` (n, 4, 2)."""
    height, width = size
    moved = (corners != _own_corners(size)).any(2).any(1)
    matrix = torch.eye(3, dtype=torch.float64).repeat(len(corners), 1, 1)
    if not moved.any():
        return matrix
    # Heckbert (1989), "Fundamentals of Texture Mapping and Image Warping", 2.2.3: from the unit square to four corners.
    # Its inverse exists for every convex quadrilateral, which is not so of the usual eight equations.
    first, second, third, fourth = corners[moved].unbind(1)
    (x1, y1), (x2, y2) = (second - third).unbind(1), (fourth - third).unbind(1)
    bend_x, bend_y = (first - second + third - fourth).unbind(1)
    area = x1 * y2 - x2 * y1
    g, h = (bend_x * y2 - x2 * bend_y) / area, (x1 * bend_y - bend_x * y1) / area
    a, d = (second - first + g[:, None] * second).unbind(1)
    b, e = (fourth - first + h[:, None] * fourth).unbind(1)
    to_corners = _matrix(a, b, first[:, 0], d, e, first[:, 1], g, h, torch.ones_like(g))
    to_pixels = torch.tensor([width - 1, height - 1, 1], dtype=torch.float64).diag()
    # torchvision measures corners from the edge of the picture here, and everything else from its centre.
    to_edge = torch.tensor([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]], dtype=torch.float64)
    matrix[moved] = torch.linalg.inv(to_edge) @ to_pixels @ torch.linalg.inv(to_corners) @ to_edge
    return matrix


def _warp(images: Tensor, parameters: Parameters) -> Tensor:
    matrices = homographies(parameters)
    moved = (matrices != torch.eye(3, dtype=torch.float64)).any(2).any(1)
    return _on(moved, images, lambda part: _resample(part, matrices[moved]))


def _resample(images: Tensor, matrices: Tensor) -> Tensor:
    """Bilinear samples of `images` (B, 3, H, W) through one matrix a sample."""
    height, width = images.shape[-2:]
    pixels = torch.tensor([width / 2, height / 2, 1.0], dtype=torch.float64)
    curved = (matrices[:, 2] != torch.tensor([0, 0, 1], dtype=torch.float64)).any(1)
    # grid_sample counts from -1 to 1 between the outer edges; float64 on the CPU keeps the small products exact.
    a = _send(matrices * pixels / pixels[:, None], images)[..., None, None]
    x = torch.arange(1 - width, width, 2, device=images.device, dtype=torch.float32).div_(width)
    y = torch.arange(1 - height, height, 2, device=images.device, dtype=torch.float32).div_(height)[:, None]
    # Each coordinate is a sum of a row and a column: one pass a coordinate, and no matrix product over all pixels.
    grid = torch.empty(len(images), 2, height, width, device=images.device, dtype=torch.float32)
    torch.add(a[:, 0, 0] * x, a[:, 0, 1] * y + a[:, 0, 2], out=grid[:, 0])
    torch.add(a[:, 1, 0] * x, a[:, 1, 1] * y + a[:, 1, 2], out=grid[:, 1])

    def divide(part: Tensor) -> Tensor:
        b = _send(matrices[curved] * pixels / pixels[:, None], images)[..., None, None]
        return part.div_((b[:, 2, 0] * x + (b[:, 2, 1] * y + b[:, 2, 2]))[:, None])

    grid = _on(curved, grid, divide).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _matrix(*entries: Tensor) -> Tensor:
    return torch.stack(entries, 1).view(-1, 3, 3)


def _own_corners(size: tuple[int, int]) -> Tensor:
    height, width = size
    right, bottom = width - 1, height - 1
    return torch.tensor([[0, 0], [right, 0], [right, bottom], [0, bottom]], dtype=torch.float64)


def _draw_corners(size: tuple[int, int], distortion: float, happens: Tensor, numbers: Tensor) -> Tensor:
    """Each corner moved inwards by a whole number of pixels, up to `distortion` of the half side; (n, 4, 2).

    Corners that would fold the picture over (possible from a distortion of 2/3, or in a few pixels) stay where they are.
    """
    height, width = size
    reach = torch.tensor([int(distortion * (width // 2)), int(distortion * (height // 2))], dtype=torch.float64)
    inwards = torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]], dtype=torch.float64)
    steps = (numbers.reshape(-1, 4, 2) * (reach + 1)).floor()
    corners = _own_corners(size) + inwards * steps * happens[:, None, None]
    along = corners.roll(-1, 1) - corners
    onwards = along.roll(-1, 1)
    turns_right = along[..., 0] * onwards[..., 1] - along[..., 1] * onwards[..., 0] > 0
    return torch.where(turns_right.all(1)[:, None, None], corners, _own_corners(size))


# Colour


def _jitter(images: Tensor, parameters: Parameters) -> Tensor:
    values = torch.stack((parameters.brightness, parameters.contrast, parameters.saturation, parameters.hue), 1)
    changed = (values != torch.tensor([1, 1, 1, 0], dtype=torch.float64)).any(1)

    def jitter(part: Tensor) -> Tensor:
        brightness, contrast, saturation, hue = values[changed].unbind(1)
        part = _adjust_brightness_contrast_saturation(part, brightness, contrast, saturation)
        return _turn_hue(part, hue) if hue.any() else part

    return _on(changed, images, jitter)


def _adjust_brightness_contrast_saturation(
    images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor
) -> Tensor:
    """In place. With pixel p, its grey g and the picture's mean grey m, the three steps are p·own + g·grey + m·mean."""
    own = brightness * contrast * saturation
    grey = brightness * contrast * (1 - saturation)
    mean = brightness * (1 - contrast) * (saturation + (1 - saturation) * sum(_LUMA))
    own, grey, mean = _send(torch.stack((own, grey, mean)), images)[..., None, None]
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
    hue = torch.add(_send(turns + 2, images)[:, None, None], hue, alpha=1 / 6).frac_()
    primaries = torch.tensor([0, 1 / 3, 2 / 3], dtype=torch.float32)
    torch.sub(hue[:, None], _send(primaries, images)[:, None, None], out=images)
    images.abs_().sub_(0.5).abs_()
    torch.sub(torch.full((), 2.0, device=images.device), images, alpha=6, out=images)
    return torch.addcmul(highest[:, None], images.clamp_(0, 1), spread[:, None], value=-1, out=images)


# Sharpness and erasing


def _sharpen(images: Tensor, parameters: Parameters) -> Tensor:
    chosen = parameters.sharpness != 1
    return _on(chosen, images, lambda part: _blend_with_blur(part, parameters.sharpness[chosen]))


def _blend_with_blur(images: Tensor, factors: Tensor) -> Tensor:
    """In place: factor · picture + (1 - factor) · blur, where the blur weighs a pixel 5 and its eight neighbours 1.

    The outermost pixels stay, as in PIL and torchvision. Rows are laid end to end, which makes long runs of all sums;
    those that reach around an edge fall on outermost pixels, where their weight is 0.
    """
    height, width = images.shape[-2:]
    inner = torch.zeros(height, width, dtype=torch.float64)
    inner[1:-1, 1:-1] = 1 / 13
    first, last = width + 1, height * width - width - 1
    weights = _send((1 - factors)[:, None] * inner.flatten()[first:last], images)[:, None]
    flat = images.flatten(2)
    rows = flat[..., :-2] + flat[..., 1:-1]
    rows.add_(flat[..., 2:])
    around = rows[..., : -2 * width] + rows[..., width:-width]
    around.add_(rows[..., 2 * width :])
    center = flat[..., first:last]
    center.addcmul_(around.sub_(center, alpha=9), weights).clamp_(0, 1)
    return images


def _erase(images: Tensor, parameters: Parameters) -> Tensor:
    chosen = parameters.box[:, 2] > 0

    def erase(part: Tensor) -> Tensor:
        top, left, height, width = parameters.box[chosen, :, None].unbind(1)
        y, x = torch.arange(part.shape[-2]), torch.arange(part.shape[-1])
        rows = _send((y >= top) & (y < top + height), images)
        columns = _send((x >= left) & (x < left + width), images)
        color = _send(torch.tensor(ERASED_COLOR), images)[:, None, None]
        return part.lerp_(color.expand_as(part), (rows[:, None, :, None] * columns[:, None, None, :]).expand_as(part))

    return _on(chosen, images, erase)


def _draw_boxes(size: tuple[int, int], settings: Augmentation, happens: Tensor, numbers: Tensor) -> Tensor:
    """Boxes (n, 4) int64; as in torchvision the first of ten attempts that fits is taken, and none where none fits.

    numbers: (2 + 2 · attempts, n) in [0, 1): where the box lies, then area and shape of each attempt.
    """
    height, width = size
    (low, high), shape_range = settings.erasing_scale, torch.tensor(settings.erasing_ratio, dtype=torch.float64).log()
    areas = height * width * (low + (high - low) * numbers[2::2])
    shapes = (shape_range[0] + (shape_range[1] - shape_range[0]) * numbers[3::2]).exp()
    heights, widths = (areas * shapes).sqrt().round(), (areas / shapes).sqrt().round()
    fits = (heights < height) & (widths < width) & (heights > 0) & (widths > 0) & happens
    first = fits.to(torch.int8).argmax(0, keepdim=True)  # argmax gives the first of equals
    box_height, box_width = (sides.gather(0, first)[0] * fits.any(0) for sides in (heights, widths))
    top = (numbers[0] * (height - box_height + 1)).floor()
    left = (numbers[1] * (width - box_width + 1)).floor()
    return torch.stack((top, left, box_height, box_width), 1).long()


# Helpers


def _on(chosen: Tensor, images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """`change` of the rows that `chosen` (n,) bool, on the CPU, names; the others stay. Works in place.

    The count of rows is known on the CPU, so no device has to wait for it.
    """
    if not chosen.any():
        return images
    if chosen.all():
        return change(images)
    rows = chosen.nonzero()[:, 0].to(images.device, non_blocking=True)
    return images.index_copy_(0, rows, change(images.index_select(0, rows)))


def _send(parameters: Tensor, images: Tensor) -> Tensor:
    """Small CPU tensors as float32 on the device of `images`, without waiting for it."""
    return parameters.to(torch.float32).to(images.device, non_blocking=True)


def _check_images(images: Tensor) -> None:
    if images.dtype not in (torch.uint8, torch.float32):
        raise TypeError(f"images must be uint8 or float32 in [0, 1], not {images.dtype}: convert them first")
    _require(
        images.ndim == 4 and images.shape[1] == 3, f"images must be (B, 3, height, width), not {tuple(images.shape)}"
    )


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
