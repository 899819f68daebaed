"""A door to `assignment_lib.data`, for those who know `dataset.load` by this name."""

from assignment_lib.data.dataset import Dataset, load

__all__ = ["Dataset", "load"]
