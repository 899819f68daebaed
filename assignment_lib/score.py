"""Public API and command line of the scorer: `python -m assignment_lib.score FOLDER --truth test_truth.csv`."""

import sys

from assignment_lib.reporting.score import main, score_classes, score_lists

__all__ = ["main", "score_classes", "score_lists"]

if __name__ == "__main__":
    sys.exit(main())
