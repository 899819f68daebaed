"""The built-in data set: drawn pedestrians in the course's layout, and nobody real in it."""

from assignment_lib.synthetic.dataset import draw

__all__ = ["draw"]
