"""Adapt a trained network to the images of the test, which nobody has labelled: an option, never done unasked.

python -m assignment_lib.training.adapt --data course --recipe strong
python -m assignment_lib.training.adapt --data course --recipe strong --everyone --rounds 2     # that of all people

As in SpCL (Ge et al. 2020) and its kin, a round gives the unlabelled images pseudo-labels by clustering what the network
says of them, then trains on those and on the labelled people together; the next round clusters anew. Training never sees
who the validation people are: they are unlabelled too, and how they are found before and after says what it is worth.
`parts.trained_network(folder, adapted=True)` loads the result, for notebook 05 for example.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor

from assignment_lib import environment
from assignment_lib.data.dataset import Dataset, load
from assignment_lib.evaluation.predictions import predict
from assignment_lib.files import new_file
from assignment_lib.models.joint import JointConvNet
from assignment_lib.training import assembly, checkpoints, grown, history, parts
from assignment_lib.training.assembly import Split
from assignment_lib.training.experiment import settings_of, settings_parser
from assignment_lib.training.joining import joined
from assignment_lib.training.pool import Pool, scores_of, unlabelled
from assignment_lib.training.pseudo_labels import pair_quality, pseudo_labels
from assignment_lib.training.recipes import Recipe, changed
from assignment_lib.training.repeat import FIGURES


def adapt(
    folder: Path,
    data: Dataset,
    device: torch.device,
    split: Split | None = None,
    log: Callable[[str], None] = print,
    **changes: Any,
) -> pd.DataFrame:
    """Adapt the network that was trained in `folder` to the test of `data`, or go on with it.

    Its own recipe says how (`recipes.AdaptationSettings`), with `changes` to some fields: `adapt_rounds=1`. `split` is
    that of its training where it is at hand, or `assembly.everyone` where it was trained on all people: nobody is left to
    judge it by then, so take as many rounds as were best with validation people.

    Round k lies in `<folder>-adapted/round<k>/`, with its pseudo-labels and all that `loop.fit` leaves; the network of the
    best round by the validation score (without validation people the last one) becomes `<folder>-adapted/best.pt`.
    `folder` itself stays as it is. Stopped, the same call goes on.

    Returns a row a round, 0 for the network as it was: clusters, their images, precision and recall of the validation
    people's pairs and, once trained, the figures of the best epoch; all but the counts in percent. `rounds.csv` has it too.

    Raises what `loop.fit` and `pool.unlabelled` raise, `ValueError` where `folder` was trained on other images or nothing
    can be clustered, `checkpoints.OtherRun` where the adaptation that is there began from another network or with other
    settings.
    """
    network, recipe = parts.trained_network(folder)
    recipe = changed(recipe, **changes)
    if recipe.adaptation.adapt_rounds < 1:
        raise ValueError(f"adapt_rounds is {recipe.adaptation.adapt_rounds}; give at least 1")
    split = assembly.decoded_split(data, recipe) if split is None else split
    _same_people(folder, split)
    pool, target, start = unlabelled(data, split, recipe), parts.adapted_folder(folder), folder
    network, rows, best = network.to(device), [], -float("inf")
    for number in range(1, recipe.adaptation.adapt_rounds + 1):
        place = target / f"round{number}"
        marks = _marks(recipe, start, number, pool)
        found = _clusters(place, network, pool, split, recipe, marks)
        if number == 1:
            rows.append({"Round": 0} | _figures(found["scores"]))
        clusters = _described(found["labels"], pool)
        log(f"round {number}: {_sentence(clusters, len(pool.table))}")
        training = _training(split, pool, found, network, recipe, marks, device)
        past = assembly.run(training, place, log)
        network, start = cast(JointConvNet, training.network), place
        epoch = past.loc[past["score"].idxmax()]
        rows.append({"Round": number} | clusters | _figures(epoch.to_dict()))
        if epoch["score"] > best or not len(split.validation):
            best = epoch["score"]
            with new_file(target / "best.pt") as file:
                file.write((place / "best.pt").read_bytes())
        pd.DataFrame(rows).to_csv(target / "rounds.csv", index=False)
    (target / "finished.txt").write_text(f"{recipe.adaptation.adapt_rounds} rounds\n")
    return pd.DataFrame(rows)


def _training(
    split: Split,
    pool: Pool,
    found: dict[str, Any],
    network: JointConvNet,
    recipe: Recipe,
    marks: dict[str, Any],
    device: torch.device,
) -> assembly.Training:
    """The training of a round: labelled people and clusters, from the weights of `network`."""
    of = recipe.adaptation
    own = changed(
        recipe,
        epochs=of.adapt_epochs,
        patience=of.adapt_epochs,
        learning_rate=of.adapt_learning_rate,
        warmup_epochs=recipe.training.warmup_epochs * of.adapt_epochs / recipe.training.epochs,  # the same share
    )
    both = joined(split, pool.table, pool.images, found["labels"].numpy())
    training = assembly.joint(both, own, device)
    people = split.train["pid"].nunique()
    grown.take_over(cast(JointConvNet, training.network), network, people, found["directions"])
    return training._replace(fingerprint=training.fingerprint | marks)


def _clusters(
    place: Path, network: JointConvNet, pool: Pool, split: Split, recipe: Recipe, marks: dict[str, Any]
) -> dict[str, Any]:
    """Labels of the pool, the clusters' directions and `network`'s validation scores: found once a round, then read."""
    path = place / "pseudo_labels.pt"
    if path.exists():
        kept = checkpoints.load(path)
        if kept["marks"] != marks:
            raise checkpoints.OtherRun(
                f"{path} belongs to an adaptation of another network or with other settings; remove {place.parent.name}/ to "
                "adapt anew"
            )
        return kept
    said = predict(network, pool.images)
    of = recipe.adaptation
    labels = torch.from_numpy(pseudo_labels(said.embeddings, of.adapt_similarity, of.adapt_images))
    if (labels < 0).all():
        alike = float(said.embeddings.mean(0).square().sum())  # the mean cosine similarity of all pairs
        raise ValueError(
            f"no cluster has 2 to {of.adapt_images} images at adapt_similarity={of.adapt_similarity}; the unlabelled images "
            f"are {alike:.2f} alike on average, so take a value between that and 1"
        )
    scores = history.flatten(scores_of(said, pool, split))
    found = {"labels": labels, "directions": grown.cluster_directions(said.embeddings, labels), "marks": marks}
    found["scores"] = {name: float(value) for name, value in scores.items()}
    place.mkdir(parents=True, exist_ok=True)
    checkpoints.save(found, path)
    return found


def _marks(recipe: Recipe, start: Path, number: int, pool: Pool) -> dict[str, Any]:
    """What tells this round from another: its number, the network it begins with, how and what it clusters."""
    of = recipe.adaptation
    return {
        "adapt_round": number,
        "adapted_from": hashlib.sha256((start / "best.pt").read_bytes()).hexdigest()[:16],
        "adapt_similarity": of.adapt_similarity,
        "adapt_images": of.adapt_images,
        "unlabelled": len(pool.table),
    }


def _same_people(folder: Path, split: Split) -> None:
    trained = checkpoints.load(folder / "best.pt")["fingerprint"]
    ours = (len(split.train), split.train["pid"].nunique())
    if ours != (trained["images"], trained["n_pids"]):
        raise ValueError(
            f"the network in {folder} was trained on {trained['images']:,} images of {trained['n_pids']} people, but this "
            f"data gives {ours[0]:,} of {ours[1]}; adapt it with its own data"
        )


def _described(labels: Tensor, pool: Pool) -> dict[str, Any]:
    quality = pair_quality(labels.numpy(), pool.truth)
    return {
        "Clusters": int(labels.max()) + 1,
        "Images": int((labels >= 0).sum()),
        "Pair precision": 100 * quality.precision,
        "Pair recall": 100 * quality.recall,
    }


def _sentence(clusters: dict[str, Any], unlabelled: int) -> str:
    found = f"{clusters['Clusters']} clusters of {clusters['Images']:,} of {unlabelled:,} unlabelled images"
    precision, recall = clusters["Pair precision"], clusters["Pair recall"]
    if recall != recall:  # NaN: there are no validation people
        return found
    right = f"{precision:.0f} % of their pairs with validation people are right, " if precision == precision else ""
    return f"{found}; {right}{recall:.0f} % of the validation people's own pairs are found"


def _figures(flat: dict[str, Any]) -> dict[str, float]:
    return {label: 100 * flat[name] for name, label in FIGURES.items() if name in flat}


def main(arguments: list[str] | None = None) -> int:
    """Adapt the network that `training.experiment` or notebook 04 trained; print the scores before and after each round."""
    parser = settings_parser("Adapt a trained network to the unlabelled images of the test.")
    parser.add_argument(
        "--everyone", action="store_true", help="the network that was trained on all people: several.py"
    )
    parser.add_argument("--rounds", type=int, help="instead of the recipe's adapt_rounds")
    parser.add_argument("--epochs", type=int, help="of each round, instead of the recipe's adapt_epochs")
    parser.add_argument("--similarity", type=float, help="within a cluster, instead of the recipe's adapt_similarity")
    given = parser.parse_args(arguments)
    where = settings_of(given)
    changes = {"adapt_rounds": given.rounds, "adapt_epochs": given.epochs, "adapt_similarity": given.similarity}
    changes = {name: value for name, value in changes.items() if value is not None}
    folder, data = where.training_folder("everyone" if given.everyone else "joint"), load(where.data)
    split = assembly.everyone(data, parts.trained_network(folder)[1]) if given.everyone else None
    rounds = adapt(folder, data, environment.device(), split, **changes)
    print(rounds.to_string(index=False, float_format="%.1f", na_rep=""))
    print(f"the adapted network is in {environment.relative(parts.adapted_folder(folder))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
