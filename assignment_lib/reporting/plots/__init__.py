"""Every figure of the notebooks: each function returns a matplotlib `Figure`, and `save_figure` writes it to a file.

theme.py            colours, look and saving of all figures
labels.py           names beside points that cover nothing
pictures.py         images side by side
made_images.py      what the transforms make of an image, and the background beside people
dataset.py          counts, cameras and the split of a data set
correlation.py      attributes that go together
class_balance.py    class shares, and weights before and after the weighted sampler
network_diagram.py  the architecture as boxes and arrows
training.py         curves of a training, and of a batch learned by heart
predictions.py      scores by task, reliability of the confidences
confusion.py        confusion matrices
mistakes.py         confident errors, and the worst queries, as pictures
heat_maps.py        which places speak for an attribute or a match
embeddings.py       images on a plane, near where they are alike
retrieval.py        ranked images, similarities and thresholds
ablation_scores.py  what the ablation table's variants are worth, and what they cost
seeds.py            how far scores move with the seed
translations.py     images before and after a translation, and its losses
speed.py            validation mAP against minutes of training
"""

from assignment_lib.reporting.plots.ablation_scores import ablations, cost
from assignment_lib.reporting.plots.class_balance import class_shares, shares_before_after, weights_before_after
from assignment_lib.reporting.plots.confusion import confusion_matrices
from assignment_lib.reporting.plots.correlation import correlations
from assignment_lib.reporting.plots.dataset import camera_table, counts, coverage
from assignment_lib.reporting.plots.embeddings import embedding_map
from assignment_lib.reporting.plots.heat_maps import heat_map_sheet
from assignment_lib.reporting.plots.made_images import background_sheet, transforms_sheet
from assignment_lib.reporting.plots.mistakes import attribute_errors, worst_query_grid
from assignment_lib.reporting.plots.network_diagram import architecture
from assignment_lib.reporting.plots.pictures import identity_sheet, image_sheet
from assignment_lib.reporting.plots.predictions import attribute_bars, reliability
from assignment_lib.reporting.plots.retrieval import precision_recall, retrieval_grid, similarity_histogram
from assignment_lib.reporting.plots.seeds import seed_spread
from assignment_lib.reporting.plots.speed import speed_to_quality
from assignment_lib.reporting.plots.theme import save_figure, style
from assignment_lib.reporting.plots.training import overfitting, training_curves
from assignment_lib.reporting.plots.translations import translation_curves, translation_sheet

__all__ = [
    "ablations", "architecture", "attribute_bars", "attribute_errors", "background_sheet", "camera_table",
    "class_shares", "confusion_matrices", "correlations", "cost", "counts", "coverage", "embedding_map",
    "heat_map_sheet", "identity_sheet", "image_sheet", "overfitting", "precision_recall", "reliability",
    "retrieval_grid", "save_figure", "seed_spread", "shares_before_after", "similarity_histogram", "speed_to_quality",
    "style", "training_curves", "transforms_sheet", "translation_curves", "translation_sheet", "weights_before_after",
    "worst_query_grid",
]  # fmt: skip
