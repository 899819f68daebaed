"""Attribute probabilities that mean what they say: temperature scaling and how well it works.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from assignment_lib.data.attributes import TASKS


def fit_temperatures(probabilities: dict[str, Tensor], targets: Tensor) -> dict[str, float]:
    """One temperature a task that minimises the cross-entropy of validation images (Guo et al. 2017, section 4.2).

    `probabilities` is task -> `(N, C)`, `targets` `(N, 12)` int64. Above 1 the network was too sure of itself. A task whose
    validation images are all right or all of one class has no best temperature; it stays between 1/20 and 20.
    """
    return {task: _temperature(_log(probabilities[task]), targets[:, column]) for column, task in enumerate(TASKS)}


def _temperature(logits: Tensor, targets: Tensor) -> float:
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(logits / log_temperature.clamp(-3, 3).exp(), targets)
        value.backward()
        return value

    optimizer.step(loss)
    return float(log_temperature.detach().clamp(-3, 3).exp())


def calibrated(probabilities: dict[str, Tensor], temperatures: dict[str, float]) -> dict[str, Tensor]:
    """The probabilities at these temperatures, task -> `(N, C)` float32; the most probable class stays the same."""
    return {task: (_log(values) / temperatures[task]).softmax(1).float() for task, values in probabilities.items()}


def reliability(probabilities: dict[str, Tensor], targets: Tensor, bins: int = 10) -> pd.DataFrame:
    """How often the most probable class is right, by how sure the network is: one row a bin that has images.

    All tasks together. Columns `confidence` (the mean in the bin), `accuracy`, `images` (image-task pairs).
    """
    sures, rights = [], []
    for column, task in enumerate(TASKS):
        confidence, predicted = probabilities[task].max(1)
        sures.append(confidence.double())
        rights.append((predicted == targets[:, column]).double())
    sure, right = torch.cat(sures).cpu().numpy(), torch.cat(rights).cpu().numpy()
    which = np.minimum((sure * bins).astype(int), bins - 1)
    frame = pd.DataFrame({"bin": which, "confidence": sure, "accuracy": right, "images": 1})
    grouped = frame.groupby("bin")
    return pd.DataFrame(
        {
            "confidence": grouped["confidence"].mean(),
            "accuracy": grouped["accuracy"].mean(),
            "images": grouped["images"].sum(),
        }
    ).reset_index(drop=True)


def expected_calibration_error(table: pd.DataFrame) -> float:
    """The mean difference of confidence and accuracy over the images (Guo et al. 2017, equation 3), of `reliability`."""
    difference = (table["confidence"] - table["accuracy"]).abs()
    return float((difference * table["images"]).sum() / table["images"].sum())


def worth(probabilities: dict[str, Tensor], targets: Tensor, pids: np.ndarray) -> dict[str, float]:
    """The expected calibration error "as trained" and "with temperatures" of people whom these were not fitted on.

    Every other person of `pids` `(N,)` is one half; T is fitted on each half in turn and judged on the other, and the means
    of both are returned. `probabilities` and `targets` as in `fit_temperatures`.
    """
    half = torch.from_numpy(np.unique(pids, return_inverse=True)[1] % 2 == 1)
    errors: dict[str, list[float]] = {"as trained": [], "with temperatures": []}
    for fitted, judged in ((half, ~half), (~half, half)):
        of_fit, of_judged = (
            {task: values[rows] for task, values in probabilities.items()} for rows in (fitted, judged)
        )
        scaled = calibrated(of_judged, fit_temperatures(of_fit, targets[fitted]))
        for name, values in (("as trained", of_judged), ("with temperatures", scaled)):
            errors[name].append(expected_calibration_error(reliability(values, targets[judged])))
    return {name: float(np.mean(both)) for name, both in errors.items()}


def _log(probabilities: Tensor) -> Tensor:
    # as good as the logits: softmax does not see what is added to all classes alike
    return probabilities.double().clamp(min=1e-12).log()
