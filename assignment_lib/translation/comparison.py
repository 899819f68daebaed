"""What images of another data set and of other cameras' looks are worth: trainings that differ in nothing else.

python -m assignment_lib.translation.comparison --data course.zip --recipe strong --seeds 0 1 2 3 4

All trainings have the same training and validation people, the same number of steps and, for one seed, the same first
weights. Rows that are there are not trained again; processes with other --seeds or --variants may run beside each other.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import torch

from assignment_lib import environment
from assignment_lib.data.dataset import Dataset, load
from assignment_lib.environment import DATA_FOLDER
from assignment_lib.evaluation.scoring import evaluate
from assignment_lib.files import atomic_write
from assignment_lib.training import assembly, history, parts
from assignment_lib.training.adapt import adapt
from assignment_lib.training.experiment import settings_of, settings_parser
from assignment_lib.training.recipes import Recipe, changed, recipe
from assignment_lib.training.repeat import FIGURES
from assignment_lib.translation import translator
from assignment_lib.translation.elsewhere import elsewhere
from assignment_lib.translation.variants import CLUSTERS, LONGER, NOTHING, VARIANTS, Material, group, material, prepared


def measure(
    variant: str, of: Material, own: Recipe, folder: Path, data: Dataset, device: torch.device
) -> dict[str, float]:
    """Train a variant in `folder`, or go on with it; scores in percent of validation people searched for as in a test.

    The last epoch counts, for all variants, and is scored once. `CLUSTERS` goes on with the network of `NOTHING`, which has
    to be in the folder beside it, for one round on the images of the test.
    """
    split = of.split
    if variant == CLUSTERS:
        start = folder.with_name(folder_name(NOTHING, own.seed))
        adapt(start, data, device, split, **asdict(own.adaptation) | {"adapt_rounds": 1})
        network = parts.trained_network(start, adapted=True)[0].to(device)
    else:
        if variant == LONGER:
            epochs = own.training.epochs + own.adaptation.adapt_epochs
            own = changed(own, epochs=epochs, patience=epochs)
        training = assembly.joint(prepared(variant, of), own, device)._replace(validate=None)
        assembly.run(training, folder)
        network = training.network  # type: ignore[assignment]
    flat = history.flatten(evaluate(network, split.validation_images, split.validation, split.crowd_images))
    return {label: 100 * flat[name] for name, label in FIGURES.items() if name in flat}


def compare(
    of: Material,
    own: Recipe,
    data: Dataset,
    folder: Path,
    device: torch.device,
    seeds: Sequence[int] = (0,),
    variants: Sequence[str] = VARIANTS,
    log: Callable[[str], None] = print,
) -> pd.DataFrame:
    """A row a variant and seed: "Group", "Variant", "Seed", "Epochs" and the figures of `measure`.

    `reporting.ablation_tables` and `plots.ablations` take it as they take the rows of the ablations; the base is `NOTHING`.

    Each has a folder of its own in `folder`, with the row as `scores.json`: what is there is read, so that a comparison that
    was stopped goes on, and several processes can share one.
    """
    rows = []
    for seed in seeds:
        for variant in variants:
            place = folder / folder_name(variant, seed)
            path = place / "scores.json"
            if not path.exists():
                row = {"Group": group(variant), "Variant": variant, "Seed": seed, "Epochs": own.training.epochs}
                scores = measure(variant, of, changed(own, seed=seed), place, data, device)
                place.mkdir(parents=True, exist_ok=True)
                with atomic_write(path) as file:
                    file.write(json.dumps(row | scores, indent=1).encode())
                log(f"{variant}, seed {seed}: " + ", ".join(f"{name} {value:.1f}" for name, value in scores.items()))
            rows.append(json.loads(path.read_text()))
    return pd.DataFrame(rows)


def folder_name(variant: str, seed: int) -> str:
    """Where a variant of a seed is trained, within the folder of the comparison."""
    return f"{variant.replace(',', '').replace(' ', '-')}-seed{seed}"


def main(arguments: list[str] | None = None) -> int:
    """Compare variants from the command line; the table goes to the run's folder, under `translation/`."""
    parser = settings_parser("Compare trainings with images of another data set and in other cameras' looks.")
    parser.add_argument(
        "--others", help="the other data set: a folder or an archive; drawn people where it is not given"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS))
    parser.add_argument("--epochs", type=int, help="of each training, instead of the recipe's ablation_epochs")
    parser.add_argument("--translator-epochs", type=int, help="instead of those that suit the device")
    given = parser.parse_args(arguments)
    where, device = settings_of(given), environment.device()
    chosen = recipe(where.recipe, backbone=where.backbone, pretrained=where.pretrained, seed=where.seed)
    own = short(chosen, **({} if given.epochs is None else {"epochs": given.epochs}))
    data, folder = load(where.data), where.training_folder("translation")
    others = load(given.others) if given.others else elsewhere(DATA_FOLDER / "elsewhere")
    settings = translator.settings_for(device)
    if given.translator_epochs:
        settings = replace(settings, epochs=given.translator_epochs)
    of = material(assembly.decoded_split(data, own), others, folder / "translator", device, settings)
    table = compare(of, own, data, folder, device, given.seeds, given.variants)
    print(table.to_string(index=False, float_format="%.1f"))
    return 0


def short(chosen: Recipe, **changes: int) -> Recipe:
    """`chosen` as long and as large as notebook 06 trains its variants, at a size that a translator can halve three times."""
    of = chosen.ablation
    height, width = (max(8, round(side / 8) * 8) for side in of.ablation_image_size)
    epochs = of.ablation_epochs
    return changed(
        chosen,
        **({"image_size": (height, width), "epochs": epochs, "patience": epochs, "warmup_epochs": 0.5} | changes),
    )


if __name__ == "__main__":
    sys.exit(main())
