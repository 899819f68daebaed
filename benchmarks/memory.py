"""Peak resident memory of training (notebook 04) and of the retrieval's images (notebook 05) on the CPU, in GB.

ASSIGNMENT_DATA=path/to/course.zip ASSIGNMENT_RECIPE=strong python benchmarks/memory.py [--size 256 128]

On a GPU the activations of the training step are in its memory instead.
"""

from __future__ import annotations

import argparse
import resource
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from assignment_lib import dataset, environment
from assignment_lib.data.images import decode
from assignment_lib.training import assembly, recipes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="instead of the recipe's size")
    size = parser.parse_args().size
    settings = environment.settings()
    recipe = recipes.from_settings(settings, **({"image_size": tuple(size)} if size else {}))
    data = dataset.load(settings.data)
    say("libraries and tables")
    split = assembly.decoded_split(data, recipe)
    say("training, validation and gallery images")
    training = assembly.joint(split, recipe, torch.device("cpu"))
    batch = next(iter(training.batches))
    training.objective(training.network(batch.images), batch)[0].backward()
    say("a training step")
    queries = decode(data.query["path"], recipe.data.image_size, progress=False)
    say(f"and {len(queries):,} queries")


def say(step: str) -> None:
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB after: {step}", flush=True)


if __name__ == "__main__":
    main()
