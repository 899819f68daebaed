"""Hats: a cap with a peak, or a sun hat with a brim."""

from __future__ import annotations

from assignment_lib.synthetic.canvas import SCALE, Canvas
from assignment_lib.synthetic.colors import scaled
from assignment_lib.synthetic.head import Head
from assignment_lib.synthetic.look import Look


def draw_hat(canvas: Canvas, head: Head, look: Look) -> None:
    """Draw the hat of this person's style over the hair."""
    canvas.polygon(head.patch(0, 4, 1.0, 0.36, 1.14), look.hat, 0.95)
    if head.body.traits["hat_style"] < 0.65:
        _peak(canvas, head, look)
    else:
        _brim(canvas, head, look)


def _peak(canvas: Canvas, head: Head, look: Look) -> None:
    """The peak of a cap points where the person looks."""
    body = head.body
    x, reach, u = head.x, head.reach, body.unit
    brow = head.y - 0.42 * head.high
    if body.cos <= -0.35:
        return
    tip = x + (reach + 0.055 * u) * body.sin * 1.05
    drop = 0.028 * u * max(body.cos, 0.0)
    half = reach * (0.35 + 0.6 * abs(body.cos))
    middle = x + reach * 0.8 * body.sin
    peak = [
        (middle - half, brow),
        (middle + half, brow),
        (tip + 0.6 * half, brow + drop + 0.012 * u),
        (tip - 0.6 * half, brow + drop + 0.012 * u),
    ]
    canvas.polygon(peak, scaled(look.hat, 0.75), 0.9)


def _brim(canvas: Canvas, head: Head, look: Look) -> None:
    """The brim of a sun hat goes all round, and a ribbon lies above it."""
    x, reach, high, u = head.x, head.reach, head.high, head.body.unit
    brow = head.y - 0.42 * high
    canvas.ellipse(x, brow, reach * 1.75, 0.24 * high + 0.010 * u, scaled(look.hat, 0.9), 0.9)
    canvas.polygon(head.patch(0, 4, 1.0, 0.45, 1.14), look.hat, 1.05)
    ribbon = [(x - reach * 0.98, brow - 0.1 * high), (x + reach * 0.98, brow - 0.1 * high)]
    canvas.line(ribbon, look.detail, 0.018 * u / SCALE)
