"""Recipes: named settings of a whole run, in groups. A short run executes the same notebooks with a smaller recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from assignment_lib.environment import Settings
from assignment_lib.losses.objective import ObjectiveSettings
from assignment_lib.models.joint import ModelSettings


@dataclass(frozen=True)
class DataSettings:
    """The images a network sees, and how they are drawn and augmented."""

    image_size: tuple[int, int] = (128, 64)  # height, width
    validation_share: float = 0.1  # of the identities
    distractors: str = "test"  # the images added to the validation gallery: "test", "train" or "none" (assembly.py)
    sampler: str = "weighted"  # or "identities", "uniform" (batches/sampling.py)
    augmentation: str = "report"  # or "standard", "none" (batches/augmentation.py)


@dataclass(frozen=True)
class TrainingSettings:
    """The optimisation: what `loop.fit` takes."""

    epochs: int = 24
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    schedule: str = "constant"  # or "cosine" (optimizers.rate_factor)
    warmup_epochs: float = 0.0
    amp: str = "auto"  # or "off", "float16", "bfloat16" (optimizers.amp_dtype)
    patience: int = 8  # epochs without a better validation score before training stops


@dataclass(frozen=True)
class BaselineSettings:
    """The network of notebook 03, where it differs; all other settings are those of the JointConvNet."""

    squeeze_excitation: bool = True
    baseline_epochs: int = 12


@dataclass(frozen=True)
class RetrievalSettings:
    """How notebook 05 uses the embeddings."""

    adaptation_rounds: int = 0  # of training on clusters of the unlabelled test images (retrieval/adaptation.py)
    neighbours: str = "auto"  # average attribute probabilities over similar images: "yes", "no", "auto" by validation
    junk_filter: str = "none"  # or "imagenet" (retrieval/junk.py)
    list_images: int = 200  # images per query in reid_test.txt
    threshold: float = 0.3  # the fixed threshold: smallest cosine similarity of a match


@dataclass(frozen=True)
class AblationSettings:
    """Notebook 06: a budget for two CPU cores; a GPU can use the full image size and number of epochs."""

    ablation_epochs: int = 3
    ablation_seeds: int = 3
    ablation_image_size: tuple[int, int] = (96, 48)


@dataclass(frozen=True)
class Recipe:
    """All settings that determine the result of a run, apart from the data. It is stored in every checkpoint.

    A field name occurs in one group only, so `recipe("report", backbone="resnet18")` and `changed` need no group.
    """

    name: str
    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    baseline: BaselineSettings = field(default_factory=BaselineSettings)
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    ablation: AblationSettings = field(default_factory=AblationSettings)


GROUPS = ("data", "model", "objective", "training", "baseline", "retrieval", "ablation")
#: Fields that a trained network does not depend on: they may change before training resumes.
_FREE = {"patience", "epochs", "baseline_epochs"} | {
    setting.name for group in (RetrievalSettings, AblationSettings) for setting in fields(group)
}


def changed(recipe: Recipe, **changes: Any) -> Recipe:
    """A copy of `recipe` with other values for some fields, named without their group.

    Raises `ValueError` naming a field that no group has.
    """
    top: dict[str, Any] = {name: changes.pop(name) for name in ("name", "seed") if name in changes}
    for group in GROUPS:
        settings = getattr(recipe, group)
        values = {name: changes.pop(name) for name in asdict(settings) if name in changes}
        top |= {group: replace(settings, **values)} if values else {}
    if changes:
        raise ValueError(f"A recipe has no field {', '.join(changes)}. Its fields are {', '.join(flat(recipe))}.")
    return replace(recipe, **top)


def flat(recipe: Recipe) -> dict[str, Any]:
    """The fields of all groups in one dictionary: `{"name": "report", "seed": 0, "image_size": (128, 64), ...}`."""
    return {"name": recipe.name, "seed": recipe.seed} | {
        name: value for group in GROUPS for name, value in asdict(getattr(recipe, group)).items()
    }


RECIPES = {
    "smoke": changed(Recipe("smoke"), validation_share=0.25, epochs=14, baseline_epochs=6, ablation_epochs=2),
    "report": Recipe("report"),
    # For Market-1501, following Luo et al. 2019 (section 4) where a light backbone on two CPU cores allows it.
    "strong": changed(
        Recipe("strong"),
        image_size=(192, 96),
        sampler="identities",  # 16 people x 4 images
        augmentation="standard",
        neck="bn",
        head="parts",
        head_hidden=256,
        dropout=0.3,
        frozen_stages=2,
        last_stride=2,
        logit_adjustment=0.5,
        gamma=0.0,
        class_weighting=0.0,
        multitask="uniform",
        attribute_scale=1 / 12,
        label_smoothing=0.1,
        triplet_mining="hard",
        learning_rate=1e-3,
        schedule="cosine",
        warmup_epochs=2.0,
        epochs=45,
        patience=45,  # the best epoch of a cosine schedule is one of its last
        ablation_epochs=4,
        ablation_seeds=1,
        ablation_image_size=(128, 64),
    ),
}
#: `strong`, then trained on clusters of the test images: a recipe of its own, because its network has seen the test images.
RECIPES["adapted"] = changed(RECIPES["strong"], name="adapted", adaptation_rounds=2)


def recipe(name: str, **changes: Any) -> Recipe:
    """A recipe of `RECIPES`, with some fields changed: `recipe("report", backbone="resnet18", seed=1)`."""
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name!r}. Choose one of {', '.join(RECIPES)}.")
    return changed(RECIPES[name], **changes)


def from_settings(settings: Settings, **changes: Any) -> Recipe:
    """The recipe that a notebook's or a command's settings name, with their backbone and seed."""
    chosen = {"backbone": settings.backbone, "pretrained": settings.pretrained, "seed": settings.seed}
    return recipe(settings.recipe, **(chosen | changes))


def fingerprint(recipe: Recipe, **others: Any) -> dict[str, Any]:
    """Plain values that identify a training: fields of the recipe, and `others` (data, number of identities).

    Leaves out the fields that may change before training resumes: retrieval settings, patience, and the number of epochs
    unless the learning-rate schedule depends on it.
    """
    free = _FREE - ({"epochs", "baseline_epochs"} if recipe.training.schedule == "cosine" else set())
    bound = {name: value for name, value in flat(recipe).items() if name not in free}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in bound.items()} | others


def from_fingerprint(marks: dict[str, Any]) -> Recipe:
    """The recipe that a checkpoint was trained with. Fields that a fingerprint leaves out are those of the recipe today."""
    known = RECIPES.get(marks["name"], Recipe(marks["name"]))
    names = flat(known)
    values = {name: value for name, value in marks.items() if name in names}
    return changed(
        known, **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    )
