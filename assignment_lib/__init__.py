"""Pedestrian attributes and person re-identification on Market-1501: the library behind the notebooks."""

__version__ = "0.1.0"
