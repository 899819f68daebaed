"""A door to `assignment_lib.evaluation`, for those who know the scores by this name."""

from assignment_lib.evaluation.metrics import *  # noqa: F403
