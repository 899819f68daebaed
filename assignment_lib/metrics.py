"""The scores of `assignment_lib.evaluation` under one short name, for use outside this package."""

from assignment_lib.evaluation.attribute_scores import attribute_scores, confusion
from assignment_lib.evaluation.protocol import JUNK_ID, excluded
from assignment_lib.evaluation.reid_scores import (
    ReidScores,
    list_scores,
    reid_scores,
    reid_scores_from_distances,
    reid_scores_within,
    threshold_scores,
)

__all__ = [
    "JUNK_ID", "ReidScores", "attribute_scores", "confusion", "excluded", "list_scores",
    "reid_scores", "reid_scores_from_distances", "reid_scores_within", "threshold_scores",
]  # fmt: skip
