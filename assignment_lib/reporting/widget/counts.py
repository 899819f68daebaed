"""How good an answer is: precision, recall and F1 of one query, at a threshold and at every threshold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from assignment_lib.reporting.widget.finding import NOT_COUNTED, RIGHT, UNKNOWN, WRONG, Ranked

_POINTS = 200


class Counts(NamedTuple):
    """Of one answer."""

    returned: int  # images in it, those that do not count too
    right: int
    wrong: int
    matches: int  # there are
    known: bool  # whether right and wrong are

    @property
    def precision(self) -> float:
        """Of an empty answer 0, as in `threshold_scores`."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """NaN where there is nothing to find."""
        return self.right / self.matches if self.matches else float("nan")

    @property
    def f1(self) -> float:
        """NaN where there is nothing to find."""
        return 2 * self.right / (self.right + self.wrong + self.matches) if self.matches else float("nan")


def answered(found: Ranked, threshold: float, listed: np.ndarray | None = None) -> np.ndarray:
    """Which images the answer holds, bool `(G,)`: scores of at least `threshold`, or the places `listed`, if they take part."""
    part = np.zeros(len(found.score), bool)
    part[found.order] = True
    if listed is None:
        return part & (found.score >= np.float32(threshold))
    within = np.zeros_like(part)
    within[listed] = True
    return part & within


def counts(found: Ranked, within: np.ndarray) -> Counts:
    """Of the answer `within` `(G,)` bool. A match that the junk filter took away is missed, one nobody asked for is not."""
    right, wrong = (int((within & (found.verdict == kind)).sum()) for kind in (RIGHT, WRONG))
    matches = int((found.wanted & (found.verdict == RIGHT)).sum())
    return Counts(int(within.sum()), right, wrong, matches, bool((found.verdict != UNKNOWN).any()))


def missed(found: Ranked, within: np.ndarray) -> np.ndarray:
    """Places of the matches that the answer lacks, the most similar first."""
    places = np.flatnonzero(found.wanted & (found.verdict == RIGHT) & ~within)
    return places[np.argsort(-found.score[places], kind="stable")]


def curve_of_query(found: Ranked) -> pd.DataFrame:
    """Precision and recall as the threshold lets one match after the other in: `threshold`, `precision`, `recall`."""
    counted = found.order[~np.isin(found.verdict[found.order], (NOT_COUNTED, UNKNOWN))]
    counted = counted[np.argsort(-found.score[counted], kind="stable")]
    hit = found.verdict[counted] == RIGHT
    matches = int((found.wanted & (found.verdict == RIGHT)).sum())
    places = np.flatnonzero(hit)
    if len(places) > _POINTS:
        places = places[np.linspace(0, len(places) - 1, _POINTS).round().astype(int)]
    right = np.cumsum(hit)[places]
    return pd.DataFrame(
        {
            "threshold": found.score[counted[places]],
            "precision": right / (places + 1),
            "recall": right / max(1, matches),
        }
    )
