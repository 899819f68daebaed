"""The command line: train a recipe, measure its ablations, or repeat it with several seeds.

    python -m assignment_lib.training.commands train --data course.zip --recipe report
    python -m assignment_lib.training.commands ablations --recipe report --short
    python -m assignment_lib.training.commands repeat --seeds 0 1 2
    python -m assignment_lib.training.commands translation

Options that are not given come from the environment variables ASSIGNMENT_DATA, ASSIGNMENT_RECIPE, ..., as for the notebooks,
and networks go to the folders where the notebooks look for them. Every command resumes what was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from assignment_lib import dataset, environment, files
from assignment_lib.environment import Settings
from assignment_lib.training import ablations, assembly, recipes
from assignment_lib.training.checkpoints import Stopped


def settings_parser() -> argparse.ArgumentParser:
    """The options that all commands share, as a parent parser; `settings_of` returns their `Settings`."""
    defaults = environment.settings()
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--data", default=defaults.data, help="synthetic, market1501, or a folder or archive")
    parser.add_argument("--recipe", default=defaults.recipe, help=", ".join(recipes.RECIPES))
    parser.add_argument("--backbone", default=defaults.backbone)
    parser.add_argument(
        "--from-scratch", action="store_true", default=not defaults.pretrained, help="no ImageNet weights"
    )
    parser.add_argument("--seed", type=int, default=defaults.seed)
    return parser


def settings_of(given: argparse.Namespace) -> Settings:
    """The settings in the parsed options of `settings_parser`."""
    return Settings(given.data, given.recipe, given.backbone, not given.from_scratch, given.seed)


def train(given: argparse.Namespace) -> int:
    """Train the JointConvNet of a recipe, or resume its training."""
    settings, device = settings_of(given), environment.device()
    recipe = recipes.from_settings(settings)
    if recipe.retrieval.adaptation_rounds:
        print("This trains the network before its adaptation to the test images, which notebook 5 adds.")
    split = assembly.decoded_split(dataset.load(settings.data), recipe, progress=True)
    assembly.run(assembly.joint(split, recipe, device), settings.training_folder("joint"))
    return 0


def measure_ablations(given: argparse.Namespace) -> int:
    """Measure the table of notebook 06; returns 1 where no row could be measured."""
    settings = settings_of(given)
    budget: dict[str, Any] = {"ablation_epochs": given.epochs, "ablation_image_size": given.size and tuple(given.size)}
    base = recipes.from_settings(settings, **{name: value for name, value in budget.items() if value})
    rows = [row for row in ablations.rows_of(base) if row.short or not given.short]
    results = ablations.run(
        dataset.load(settings.data), base, settings.ablations, environment.device(), rows, given.seeds, _print
    )  # fmt: skip
    return 0 if results else 1


def repeat(given: argparse.Namespace) -> int:
    """Train a recipe with several seeds, print scores and intervals, and write the scores to `repeats.csv`."""
    settings = settings_of(given)
    if recipes.from_settings(settings).retrieval.adaptation_rounds:
        print(
            "Only notebook 5 adapts a network to the test images. Repeat the recipe without adaptation: RECIPE=strong"
        )
        return 2
    runs = ablations.repeat(dataset.load(settings.data), settings, given.seeds, environment.device(), _print)
    files.write_text(settings.folder / "repeats.csv", runs.to_csv(index=False))
    averages = [column for column in runs if "/" not in column]
    print(runs[averages].to_string(index=False, float_format="%.1f"))
    print(ablations.mean_and_interval(runs).to_string(index=False, float_format="%.1f"))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command that `arguments` name, by default those of the process; returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m assignment_lib.training.commands")
    commands = parser.add_subparsers(dest="command", required=True)
    shared = [settings_parser()]
    commands.add_parser("train", parents=shared, help=train.__doc__).set_defaults(run=train)

    table = commands.add_parser("ablations", parents=shared, help="measure the table of notebook 06")
    table.add_argument("--seeds", type=int, nargs="+", help="instead of those of the recipe")
    table.add_argument("--epochs", type=int, help="instead of the recipe's ablation_epochs")
    table.add_argument("--size", type=int, nargs=2, help="height and width instead of the recipe's ablation_image_size")
    table.add_argument("--short", action="store_true", help="only the rows of the short table")
    table.set_defaults(run=measure_ablations)

    several = commands.add_parser("repeat", parents=shared, help="train a recipe with several seeds")
    seeds = [int(seed) for seed in environment.setting("SEEDS", "0 1 2").split()]
    several.add_argument("--seeds", type=int, nargs="+", default=seeds)
    several.set_defaults(run=repeat)

    if arguments[:1] == ["translation"]:
        _add_translation(commands)
    else:
        commands.add_parser("translation", help="compare trainings with people of another data set (notebook 07)")
    given = parser.parse_args(arguments)
    try:
        return int(given.run(given))
    except Stopped as stopped:
        print(stopped)
        return 130


def _add_translation(commands: Any) -> None:
    """Add the command of a later package of the data flow: `add_command` adds a parser whose default `run` is a function.

    That package imports this one, so it is imported only where its command is called.
    """
    from assignment_lib.translation.comparison import add_command

    add_command(commands)


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
