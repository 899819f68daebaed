"""Old name of `synthetic_pedestrians`. Delete this file once nothing imports it."""

from synthetic_pedestrians import draw

__all__ = ["draw"]
