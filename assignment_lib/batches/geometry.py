"""Flip, rotation, affine and perspective as one homography a sample, and one interpolation.

All matrices are (n, 3, 3) float64 and map an output pixel to the input pixel it shows, in pixels from the centre of the
picture, x to the right and y down: torchvision's convention.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from assignment_lib.batches.draws import Parameters, own_corners
from assignment_lib.batches.rows import change_rows, send


def warp(images: Tensor, parameters: Parameters) -> Tensor:
    """float32 `images` (B, 3, H, W), each seen through its matrix of `homographies`; may work in place."""
    matrices = homographies(parameters)
    moved = (matrices != torch.eye(3, dtype=torch.float64)).any(2).any(1)
    return change_rows(moved, images, lambda part: _resample(part, matrices[moved]))


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
    moved = (corners != own_corners(size)).any(2).any(1)
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


def _resample(images: Tensor, matrices: Tensor) -> Tensor:
    """Bilinear samples of `images` (B, 3, H, W) through one matrix a sample."""
    height, width = images.shape[-2:]
    pixels = torch.tensor([width / 2, height / 2, 1.0], dtype=torch.float64)
    curved = (matrices[:, 2] != torch.tensor([0, 0, 1], dtype=torch.float64)).any(1)
    # grid_sample counts from -1 to 1 between the outer edges; float64 on the CPU keeps the small products exact.
    a = send(matrices * pixels / pixels[:, None], images)[..., None, None]
    x = torch.arange(1 - width, width, 2, device=images.device, dtype=torch.float32).div_(width)
    y = torch.arange(1 - height, height, 2, device=images.device, dtype=torch.float32).div_(height)[:, None]
    # Each coordinate is a sum of a row and a column: one pass a coordinate, and no matrix product over all pixels.
    grid = torch.empty(len(images), 2, height, width, device=images.device, dtype=torch.float32)
    torch.add(a[:, 0, 0] * x, a[:, 0, 1] * y + a[:, 0, 2], out=grid[:, 0])
    torch.add(a[:, 1, 0] * x, a[:, 1, 1] * y + a[:, 1, 2], out=grid[:, 1])

    def divide(part: Tensor) -> Tensor:
        b = send(matrices[curved] * pixels / pixels[:, None], images)[..., None, None]
        return part.div_((b[:, 2, 0] * x + (b[:, 2, 1] * y + b[:, 2, 2]))[:, None])

    grid = change_rows(curved, grid, divide).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _matrix(*entries: Tensor) -> Tensor:
    return torch.stack(entries, 1).view(-1, 3, 3)
