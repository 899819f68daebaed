"""A door to `assignment_lib.evaluation`, for those who know the scores by this name."""

from assignment_lib.evaluation.attribute_scores import attribute_scores, confusion
from assignment_lib.evaluation.list_scores import list_scores
from assignment_lib.evaluation.protocol import JUNK_ID
from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_from_distances, reid_scores_within
from assignment_lib.evaluation.summary import CMC_LENGTH, ReidScores
from assignment_lib.evaluation.threshold_scores import threshold_scores, threshold_scores_within

__all__ = [
    "CMC_LENGTH", "JUNK_ID", "ReidScores", "attribute_scores", "confusion", "list_scores", "reid_scores",
    "reid_scores_from_distances", "reid_scores_within", "threshold_scores", "threshold_scores_within",
]  # fmt: skip
