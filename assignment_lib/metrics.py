"""Public API of the metrics, which are defined in `assignment_lib.evaluation`."""

from assignment_lib.evaluation.attribute_scores import attribute_scores, confusion
from assignment_lib.evaluation.protocol import JUNK_ID
from assignment_lib.evaluation.reid_scores import (
    CMC_LENGTH,
    ReidScores,
    list_scores,
    reid_scores,
    reid_scores_from_distances,
    reid_scores_within,
    threshold_scores,
)

__all__ = [
    "CMC_LENGTH", "JUNK_ID", "ReidScores", "attribute_scores", "confusion", "list_scores", "reid_scores",
    "reid_scores_from_distances", "reid_scores_within", "threshold_scores",
]  # fmt: skip
