"""Every figure of the notebooks: each function returns a matplotlib `Figure`, and `save_figure` writes it to a file.

theme.py            colours, look and saving of all figures
pictures.py         images side by side, and one image as PNG bytes
dataset.py          counts, cameras, correlations and the split of a data set
class_balance.py    class shares, and weights before and after the weighted sampler
network_diagram.py  the architecture as boxes and arrows
training.py         curves of a training, and of a batch learned by heart
predictions.py      accuracy by task, confusion matrices, reliability of the confidences
retrieval.py        ranked images, similarities and thresholds
ablation_scores.py  scores and cost of the ablation table's variants
speed.py            validation mAP against minutes of training
"""

from assignment_lib.reporting.plots.ablation_scores import ablations, cost
from assignment_lib.reporting.plots.class_balance import class_shares, shares_before_after, weights_before_after
from assignment_lib.reporting.plots.dataset import camera_table, correlations, counts, coverage
from assignment_lib.reporting.plots.network_diagram import architecture
from assignment_lib.reporting.plots.pictures import as_png, identity_sheet, image_sheet
from assignment_lib.reporting.plots.predictions import attribute_bars, confusion_matrices, reliability
from assignment_lib.reporting.plots.retrieval import precision_recall, retrieval_grid, similarity_histogram
from assignment_lib.reporting.plots.speed import speed_to_quality
from assignment_lib.reporting.plots.theme import save_figure, style
from assignment_lib.reporting.plots.training import overfitting, training_curves

__all__ = [
    "ablations", "architecture", "as_png", "attribute_bars", "camera_table", "class_shares", "confusion_matrices",
    "correlations", "cost", "counts", "coverage", "identity_sheet", "image_sheet", "overfitting", "precision_recall",
    "reliability", "retrieval_grid", "save_figure", "shares_before_after", "similarity_histogram",
    "speed_to_quality", "style", "training_curves", "weights_before_after",
]  # fmt: skip
