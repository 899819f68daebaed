"""Time and memory of a recipe on GPUs that are not here: estimates from what it costs and what their data sheets say.

python -m assignment_lib.training.estimates --recipes report strong

The time of a step is the longest of three: its FLOPs at `COMPUTE_SHARE` of the tensor cores' peak, its bytes at
`BANDWIDTH_SHARE` of the memory's bandwidth, and its operations at `OPERATION_SECONDS` each, which Python needs to start
them. All three are assumptions until `reporting/gpu_check.py` has measured a recipe on the GPU in question.
"""

from __future__ import annotations

import argparse
import sys
from typing import NamedTuple

import pandas as pd

from assignment_lib.evaluation.market_scale import IMAGES, QUERIES
from assignment_lib.training.costs import Cost, Costs, costs
from assignment_lib.training.recipes import Recipe, recipe


class Gpu(NamedTuple):
    """The figures of a data sheet."""

    name: str
    half: float  # TFLOPS of the tensor cores in float16, dense
    single: float  # TFLOPS in float32, without tensor cores
    bandwidth: float  # GB/s
    memory: float  # GB


#: NVIDIA's data sheets of the T4, the L4 (which gives 242 TFLOPS with sparsity) and the A100 with 40 GB.
GPUS = (Gpu("T4", 65, 8.1, 320, 16), Gpu("L4", 121, 30.3, 300, 24), Gpu("A100", 312, 19.5, 1555, 40))
#: Assumed, not measured.
COMPUTE_SHARE, BANDWIDTH_SHARE, OPERATION_SECONDS = 0.3, 0.7, 10e-6
#: Market-1501: training images and identities; `market_scale` has those of the test.
TRAIN, IDENTITIES = 12_936, 751
#: Images that `predictions.predict` looks at together.
_PREDICTED = 256


def bounds(cost: Cost, tflops: float, bandwidth: float) -> dict[str, float]:
    """Seconds that each of three needs for `cost`, at peaks of `tflops` and `bandwidth` (GB/s)."""
    return {
        "FLOPs": cost.flops / (COMPUTE_SHARE * tflops * 1e12),
        "bytes": cost.traffic / (BANDWIDTH_SHARE * bandwidth * 1e9),
        "Python": cost.operations * OPERATION_SECONDS,
    }


def times(cost: Cost, factor: float) -> Cost:
    """`cost` `factor` times."""
    return Cost(*(factor * value for value in cost))


def plus(one: Cost, other: Cost) -> Cost:
    """Two costs together."""
    return Cost(*(a + b for a, b in zip(one, other, strict=True)))


def estimate(chosen: Recipe, of: Costs, gpu: Gpu) -> dict[str, str | float]:
    """One row: the times and the memory of training `chosen` on Market-1501's images with `gpu`.

    An epoch draws as many images as the training part of the split has, and then predicts the validation part and, where
    the recipe searches in the crowd of the test, its gallery. The test predicts queries and gallery once.
    """
    batch = chosen.training.batch_size
    held_out = chosen.data.validation_share * TRAIN
    validated = held_out + (IMAGES if chosen.data.distractors == "test" else 0)
    allowed = bounds(plus(times(of.image, batch), of.step), gpu.half, gpu.bandwidth)
    predicting = bounds(plus(times(of.predicted, _PREDICTED), of.prediction), gpu.single, gpu.bandwidth)
    taken, an_image = max(allowed.values()), max(predicting.values()) / _PREDICTED
    epoch = (TRAIN - held_out) / batch * taken
    height, width = chosen.data.image_size
    stored = 3 * height * width * (TRAIN - held_out)
    stored = stored if stored < gpu.memory * 1e9 / 4 else 0  # as `Batches` keeps them on the device
    return {
        "recipe": chosen.name,
        "GPU": gpu.name,
        **{f"images/s by {name}": batch / each if each else float("inf") for name, each in allowed.items()},
        "images/s": batch / taken,
        "epoch, s": epoch + validated * an_image,
        "of it training": epoch / (epoch + validated * an_image),
        "all epochs, min": chosen.training.epochs * (epoch + validated * an_image) / 60,
        "test, s": (QUERIES + IMAGES) * an_image,
        "memory, GB": (of.state + batch * of.image.kept + of.step.kept + stored) / 1e9,
    }


def table(names: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each recipe costs, and its estimates: a row a recipe, and a row a recipe and GPU."""
    counted = {name: costs(recipe(name), IDENTITIES) for name in names}
    of_images = [
        {
            "recipe": name,
            "GFLOP an image": of.image.flops / 1e9,
            "MB moved": of.image.traffic / 1e6,
            "MB kept": of.image.kept / 1e6,
            "operations a step": of.step.operations,
            "predicted: GFLOP": of.predicted.flops / 1e9,
            "predicted: MB moved": of.predicted.traffic / 1e6,
            "weights and AdamW, MB": of.state / 1e6,
        }
        for name, of in counted.items()
    ]
    rows = [estimate(recipe(name), of, gpu) for name, of in counted.items() for gpu in GPUS]
    return pd.DataFrame(of_images), pd.DataFrame(rows)


def markdown(names: list[str]) -> str:
    """Both tables, as docs/speed.md has them."""
    of_images, rows = table(names)
    rows["of it training"] = [f"{share:.0%}" for share in rows["of it training"]]
    for name in [name for name in rows if name.startswith("images/s")]:
        rows[name] = [f"{speed:,.0f}" for speed in rows[name]]
    return f"{of_images.to_markdown(index=False, floatfmt=',.1f')}\n\n{rows.to_markdown(index=False, floatfmt='.1f')}"


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Estimates of a recipe's time and memory on a T4, an L4 and an A100.")
    parser.add_argument("--recipes", nargs="+", default=["report", "strong"])
    print(markdown(parser.parse_args(arguments).recipes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
