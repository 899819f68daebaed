"""Named settings of a whole run, grouped by what they are about. A short run is the same notebook with a smaller recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True)
class DataSettings:
    """Which images a network sees, and how they are drawn and changed."""

    image_size: tuple[int, int] = (128, 64)  # height, width
    validation_share: float = 0.1
    distractors: str = "test"  # whom validation people are searched for among; or "train", "none": crowd.py
    distractor_share: float = 0.1  # of the training identities, held out for "train"
    sampler: str = "weighted"  # or "identities", "pairs", "uniform": batches/samplers.py
    augment: bool = True
    added_share: float = 0.25  # of a batch, where people of another data set are added: translation/adding.py
    added_weights: bool = False  # whether these count in class weights and priors
    styled_share: float = 0.25  # of the images shown in another camera's look, where such copies are added


@dataclass(frozen=True)
class ModelSettings:
    """The JointConvNet (notebook 04)."""

    backbone: str = "efficientnet_lite0"
    pretrained: bool = True
    head: str = "conv"  # or "fc", "attention": models/heads.py; or "parts": models/part_heads.py
    embedding: str = "plain"  # or "concatenated", "reweighted": models/embedding.py
    head_hidden: int = 128
    dropout: float = 0.5
    pooling: str = "mean"  # or "gem": models/pooling.py
    neck: str = "none"  # or "bn": models/neck.py
    frozen_stages: int = -1  # the stem and so many stages keep their weights; -1: all learn
    last_stride: int = 2  # 1: a last feature map twice as large
    attribute_gradient: float = 1.0  # share of the heads' gradient that the backbone learns from
    logit_adjustment: float = 0.0  # tau: models/logit_adjustment.py


@dataclass(frozen=True)
class ObjectiveSettings:
    """What is minimised."""

    attribute_losses: bool = True  # False: re-identification alone
    gamma: float = 2.0  # of the focal loss; 0 is the weighted cross-entropy
    class_weighting: float = 1.0  # power of the class weights; 0: unweighted
    attribute_scale: float = 1.0  # factor on the total of the attribute losses; 1/12 makes their sum the mean
    attribute_multitask: str = "uncertainty"  # or "uniform", "balanced", "priority": losses/multitask.py
    total_multitask: str = "uncertainty"
    pid_loss: bool = True
    label_smoothing: float = 0.0  # of the PID loss
    styled_smoothing: float = 0.1  # … for images in another camera's look, where it is larger
    identity_loss: str = "triplet"  # or "centroid", "center", "island", "none": losses/identity.py
    triplet_margin: float = 0.3
    triplet_mining: str = "all"


@dataclass(frozen=True)
class TrainingSettings:
    """How the weights move: what `loop.fit` takes."""

    epochs: int = 24
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    backbone_rate: float = 1.0  # the backbone's learning rate as a share of learning_rate
    schedule: str = "constant"  # or "cosine", "plateau": optimizers.rate_factor
    warmup_epochs: float = 0.0
    ema_decay: float = 0.0  # 0: no moving average of the weights
    max_gradient_norm: float = 5.0
    amp: str = "auto"  # or "off", "float16", "bfloat16": precision.choose
    patience: int = 8


@dataclass(frozen=True)
class BaselineSettings:
    """Notebook 03's network where it differs: everything else is as for the JointConvNet."""

    squeeze_excitation: bool = True
    baseline_epochs: int = 12
    baseline_learning_rate: float = 2e-3


@dataclass(frozen=True)
class RetrievalSettings:
    """What is made of the embeddings (notebook 05)."""

    networks: int = 1  # with first weights of their own, that answer together: several.py
    everyone: bool = False  # the test is answered by as many that are trained on all people, validation included
    adapted: bool = False  # after they have adapted to the unlabelled images of the test: adapt.py
    neighbours: str = "auto"  # attributes asked of similar images too, where validation gains; or "yes", "no"
    options: str = "auto"  # mirror images, whitening, re-ranking as validation chooses; or "plain"
    junk_filter: str = (
        "auto"  # that which validation shows to pay; or "probe", "both", "imagenet", "worn", "similarity", "none"
    )
    junk_lose: float = 0.005  # share of known people that the filter may take for junk
    list_share: float = 0.98  # of the whole rankings' mAP, kept by the lists that are handed in
    list_images: float = 50.0  # … with at most so many images a query on average
    set_precision: float = 0.0  # wanted of the sets for people; 0: the best F1
    threshold: float = 0.3  # smallest cosine similarity of the rule "fixed"
    threshold_precision: float = 0.8  # of the rule "precision"
    threshold_share: float = 0.99  # of the whole rankings' mAP, of the rule "map"
    sure: float = 0.8  # probability of the same person, of the rule "sure"


@dataclass(frozen=True)
class AdaptationSettings:
    """How a trained network adapts to unlabelled images, where it is asked to: adapt.py. No other training looks at it."""

    adapt_rounds: int = 3  # of clustering and training
    adapt_epochs: int = 4  # of a round
    adapt_learning_rate: float = 3e-4
    adapt_similarity: float = 0.5  # smallest mean one of two clusters that become one, for a BNNeck: pseudo_labels.py
    adapt_images: int = 20  # of the largest cluster that counts


@dataclass(frozen=True)
class AblationSettings:
    """Notebook 06: small enough for two CPU cores; a GPU may take the full size and length."""

    ablation_epochs: int = 3
    ablation_seeds: int = 3
    ablation_image_size: tuple[int, int] = (96, 48)


@dataclass(frozen=True)
class Recipe:
    """All that decides a run's result beside the data. Printed before training, saved beside the checkpoint.

    A field's name is found in one group only, so `recipe("report", backbone="resnet18")` and `changed` need no group.
    """

    name: str
    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    baseline: BaselineSettings = field(default_factory=BaselineSettings)
    adaptation: AdaptationSettings = field(default_factory=AdaptationSettings)
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    ablation: AblationSettings = field(default_factory=AblationSettings)


GROUPS = ("data", "model", "objective", "training", "baseline", "adaptation", "retrieval", "ablation")
#: Fields that what is trained so far does not depend on: they may change before a run goes on.
NOT_BINDING = {"patience", "epochs", "baseline_epochs"} | {
    settings.name for group in (AdaptationSettings, RetrievalSettings, AblationSettings) for settings in fields(group)
}


def changed(recipe: Recipe, **changes: Any) -> Recipe:
    """`recipe` with other values for some of its fields, named without their group.

    Raises `ValueError` naming a field that no group has.
    """
    top: dict[str, Any] = {name: changes.pop(name) for name in ("name", "seed") if name in changes}
    for group in GROUPS:
        settings = getattr(recipe, group)
        own = {name: changes.pop(name) for name in asdict(settings) if name in changes}
        top |= {group: replace(settings, **own)} if own else {}
    if changes:
        raise ValueError(f"a recipe has no field {', '.join(changes)}; it has {', '.join(flat(recipe))}")
    return replace(recipe, **top)


def flat(recipe: Recipe) -> dict[str, Any]:
    """Every field of every group by its own name: `{"name": "report", "seed": 0, "image_size": (128, 64), ...}`."""
    return {"name": recipe.name, "seed": recipe.seed} | {
        name: value for group in GROUPS for name, value in asdict(getattr(recipe, group)).items()
    }


RECIPES = {
    "smoke": changed(Recipe("smoke"), validation_share=0.25, epochs=14, baseline_epochs=6, ablation_epochs=2),
    "report": Recipe("report"),
    "strong": changed(
        Recipe("strong"),
        image_size=(256, 128),
        sampler="pairs",
        neck="bn",
        head="parts",
        head_hidden=256,
        dropout=0.3,
        frozen_stages=2,
        logit_adjustment=0.5,
        everyone=True,
        gamma=0.0,
        class_weighting=0.0,
        attribute_multitask="uniform",
        attribute_scale=1 / 12,
        total_multitask="uniform",
        label_smoothing=0.1,
        triplet_mining="hard",
        epochs=20,
        patience=20,  # the best epoch of a cosine is one of its last
        schedule="cosine",
        warmup_epochs=1.0,
        ablation_epochs=4,
        ablation_seeds=1,
        ablation_image_size=(128, 64),
    ),
}
#: For the real Market-1501 with a ResNet: where strong's fields differ from Luo et al. 2019 (section 4), theirs. AdamW for
#: Adam, a cosine of half as many epochs for the steps, and neither the center loss nor padded crops.
RECIPES["market"] = changed(
    RECIPES["strong"],
    name="market",
    sampler="identities",  # 16 people x 4 images: people have 17 images on average here, not two
    last_stride=1,
    frozen_stages=-1,
    learning_rate=3.5e-4,
    warmup_epochs=5.0,
    epochs=60,
    patience=60,
)


def recipe(name: str, **changes: Any) -> Recipe:
    """A recipe of `RECIPES` by name, with some of its fields changed: `recipe("report", backbone="resnet18", seed=1)`."""
    if name not in RECIPES:
        raise ValueError(f"no recipe is called {name!r}; there are {', '.join(RECIPES)}")
    return changed(RECIPES[name], **changes)


def fingerprint(recipe: Recipe, **others: Any) -> dict[str, Any]:
    """Plain types that tell one training from another: the recipe's fields and `others` (data, number of identities).

    What may change before a run goes on is left out: the threshold, patience, and the number of epochs, unless the
    learning rate's schedule hangs on it.
    """
    free = NOT_BINDING - ({"epochs", "baseline_epochs"} if recipe.training.schedule == "cosine" else set())
    bound = {name: value for name, value in flat(recipe).items() if name not in free}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in bound.items()} | others


def defaults() -> dict[str, Any]:
    """What each field of a fingerprint was before it existed: its default, which has to leave things as they were."""
    return {name: value for name, value in fingerprint(Recipe("")).items() if name not in ("name", "seed")}


def from_fingerprint(marks: dict[str, Any]) -> Recipe:
    """The recipe that a checkpoint was trained with; what is not in it is as the recipe of that name has it today."""
    known = RECIPES.get(marks["name"], Recipe(marks["name"]))
    names = flat(known)
    found = {name: value for name, value in marks.items() if name in names}
    return changed(known, **{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})


def fit_options(recipe: Recipe) -> dict[str, Any]:
    """What `loop.fit` takes from a recipe, as keyword arguments."""
    return {name: value for name, value in asdict(recipe.training).items() if name != "batch_size"}


def baseline_fit_options(recipe: Recipe) -> dict[str, Any]:
    """The same for notebook 03's network, which has its own epochs and learning rate."""
    own = {"epochs": recipe.baseline.baseline_epochs, "learning_rate": recipe.baseline.baseline_learning_rate}
    return fit_options(recipe) | own
