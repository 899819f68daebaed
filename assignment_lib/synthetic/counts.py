"""How much is drawn: the arguments of `draw` with their defaults worked out, and which of them fit together."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Counts:
    """What `draw` was asked for, no count left open; the file `synthetic.json` keeps them in this order."""

    train_identities: int
    test_identities: int
    cameras: int
    train_images: int
    queries: int
    gallery: int
    distractors: int
    junk: int
    seed: int


def work_out(
    train_identities: int,
    test_identities: int,
    cameras: int,
    train_images: int | None,
    queries: int | None,
    gallery: int | None,
    distractors: int | None,
    junk: int | None,
    seed: int,
) -> Counts:
    """Return the counts with those left at None worked out from the identities.

    Raises `ValueError` for counts that do not fit together.
    """

    def default(value: int | None, otherwise: float) -> int:
        return round(otherwise) if value is None else int(value)

    gallery = default(gallery, 8.75 * test_identities)
    counts = Counts(
        train_identities=int(train_identities),
        test_identities=int(test_identities),
        cameras=int(cameras),
        train_images=default(train_images, 9 * train_identities),
        queries=default(queries, 2 * test_identities),
        gallery=gallery,
        distractors=default(distractors, 0.12 * gallery),
        junk=default(junk, 0.06 * gallery),
        seed=int(seed),
    )
    _check(counts)
    return counts


def _check(counts: Counts) -> None:
    train, test = counts.train_identities, counts.test_identities
    people = counts.gallery - counts.distractors - counts.junk
    problems = [
        (min(astuple(counts)) < 0, "a count or the seed is negative"),
        (not 2 <= counts.cameras <= 9, f"cameras is {counts.cameras}, it must be 2 to 9"),
        (train < 1 or test < 1, "there must be at least one training and one test identity"),
        (train + test > 9999, "file names have four digits for the person, so at most 9999 identities"),
        (counts.train_images < 2 * train, "train_images must be at least twice train_identities"),
        (people < 2 * test, "gallery without distractors and junk must be at least twice test_identities"),
    ]
    for wrong, sentence in problems:
        if wrong:
            raise ValueError(f"synthetic.draw: {sentence}")
