"""Every figure of the notebooks: each function returns a matplotlib `Figure`, and `save_figure` writes it to a file.

theme.py       colours, style and saving
data.py        counts, cameras, class shares and weights, correlations
images.py      sheets of images, transforms, heat maps
attributes.py  scores per task, confusion matrices, confident errors
training.py    the architecture, curves of a training, ablations
retrieval.py   ranked images, similarities, thresholds, the map of embeddings
"""

# ruff: noqa: F401
# isort: off
from assignment_lib.reporting.plots.attributes import attribute_bars, attribute_errors, confusion_matrices, confusions
from assignment_lib.reporting.plots.data import (
    camera_table, class_shares, correlations, counts, coverage, shares_before_after, weights_before_after,
)  # fmt: skip
from assignment_lib.reporting.plots.images import (
    heat_map_sheet, identity_sheet, image_rows, image_sheet, transforms_sheet,
)  # fmt: skip
from assignment_lib.reporting.plots.retrieval import (
    embedding_map, precision_recall, retrieval_grid, similarity_histogram, worst_query_grid,
)  # fmt: skip
from assignment_lib.reporting.plots.theme import save_figure, style
from assignment_lib.reporting.plots.training import ablations, architecture, curves, overfitting, training_curves
