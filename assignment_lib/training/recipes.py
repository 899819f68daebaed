"""Named settings of a whole run. A short run is the same notebook with a smaller recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from assignment_lib.losses.identity import identity_loss
from assignment_lib.losses.objective import Objective
from assignment_lib.models.densenet_se import MultiHeadDenseNet
from assignment_lib.models.joint import JointConvNet
from assignment_lib.training.checkpoints import load


@dataclass(frozen=True)
class Recipe:
    """All that decides a run's result beside the data. Printed before training, saved beside the checkpoint."""

    name: str
    seed: int = 0
    # data
    image_size: tuple[int, int] = (128, 64)  # height, width
    validation_share: float = 0.1
    sampler: str = "weighted"  # or "identities", "uniform": balance.sampler_and_weights
    augment: bool = True
    # JointConvNet
    backbone: str = "efficientnet_lite0"
    pretrained: bool = True
    head: str = "conv"  # or "fc", "attention": models/heads.py
    embedding: str = "plain"  # or "concatenated", "reweighted": models/embedding.py
    head_hidden: int = 128
    dropout: float = 0.5
    # objective
    attribute_losses: bool = True  # False: re-identification alone
    gamma: float = 2.0  # of the focal loss; 0 is the weighted cross-entropy
    attribute_multitask: str = "uncertainty"  # or "uniform", "balanced", "priority": losses/multitask.py
    total_multitask: str = "uncertainty"
    pid_loss: bool = True
    identity_loss: str = "triplet"  # or "centroid", "center", "island", "none": losses/identity.py
    triplet_margin: float = 0.3
    triplet_mining: str = "all"
    # training
    epochs: int = 24
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    backbone_rate: float = 1.0  # the backbone's learning rate as a share of learning_rate
    schedule: str = "constant"  # or "cosine", "plateau": optimizers.rate_factor
    warmup_epochs: float = 0.0
    ema_decay: float = 0.0  # 0: no moving average of the weights
    max_gradient_norm: float = 5.0
    amp: str = "auto"  # or "off", "float16", "bfloat16": training.fit
    patience: int = 8
    # notebook 03's network
    squeeze_excitation: bool = True
    baseline_epochs: int = 12
    baseline_learning_rate: float = 2e-3
    # retrieval
    threshold_rule: str = "map"  # or "fixed", "clusters", "f1", "precision": thresholds.choose
    threshold: float = 0.3  # smallest cosine similarity of the rule "fixed"
    threshold_precision: float = 0.8  # wanted by the rule "precision"
    threshold_share: float = 0.99  # of the whole rankings' mAP, kept by the rule "map"
    junk_filter: str = "probe"  # or "both", "imagenet", "worn", "similarity", "none": notebook 05
    junk_lose: float = 0.005  # share of known persons that the filter may take for junk
    flip: bool = False  # add the mirrored image's embedding
    query_expansion: int = 0  # neighbours that a query is moved towards
    rerank: bool = False  # k-reciprocal re-ranking
    # notebook 06: small enough for two CPU cores; a GPU may take the full size and length
    ablation_epochs: int = 3
    ablation_seeds: int = 3
    ablation_image_size: tuple[int, int] = (96, 48)


#: Fields that what is trained so far does not depend on: they may change before a run goes on.
NOT_BINDING = (
    "patience", "epochs", "baseline_epochs", "threshold_rule", "threshold", "threshold_precision", "threshold_share",
    "junk_filter", "junk_lose", "flip", "query_expansion", "rerank", "ablation_epochs", "ablation_seeds",
    "ablation_image_size",
)  # fmt: skip

RECIPES = {
    "smoke": Recipe("smoke", epochs=14, baseline_epochs=6, ablation_epochs=2),
    "report": Recipe("report"),
}


def recipe(name: str, **changes) -> Recipe:
    """A recipe of `RECIPES` by name, with some of its fields changed: `recipe("report", backbone="resnet18", seed=1)`."""
    if name not in RECIPES:
        raise ValueError(f"no recipe is called {name!r}; there are {', '.join(RECIPES)}")
    return replace(RECIPES[name], **changes)


def fingerprint(settings: Recipe, **others) -> dict:
    """Plain types that tell one training from another: the recipe's fields and `others` (data, number of identities).

    What may change before a run goes on is left out: the threshold, patience, and the number of epochs, unless the
    learning rate's schedule hangs on it.
    """
    free = set(NOT_BINDING) - ({"epochs", "baseline_epochs"} if settings.schedule == "cosine" else set())
    fields = {name: value for name, value in asdict(settings).items() if name not in free}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()} | others


def fit_options(settings: Recipe) -> dict:
    """What `training.fit` takes from a recipe, as keyword arguments."""
    names = (
        "epochs", "learning_rate", "weight_decay", "backbone_rate", "schedule", "warmup_epochs", "ema_decay",
        "max_gradient_norm", "patience", "amp",
    )  # fmt: skip
    return {name: getattr(settings, name) for name in names}


def baseline_fit_options(settings: Recipe) -> dict:
    """The same for notebook 03's network, which has its own epochs and learning rate."""
    own = {"epochs": settings.baseline_epochs, "learning_rate": settings.baseline_learning_rate}
    return fit_options(settings) | own


def baseline_network(settings: Recipe) -> MultiHeadDenseNet:
    """Notebook 03's network from scratch."""
    return MultiHeadDenseNet(squeeze_excitation=settings.squeeze_excitation)


def joint_network(
    settings: Recipe, n_pids: int, attributes: bool = True, pretrained: bool | None = None
) -> JointConvNet:
    """The JointConvNet of a recipe. `pretrained=False` skips the ImageNet weights where trained ones are loaded next."""
    return JointConvNet(
        settings.backbone,
        n_pids if settings.pid_loss else 0,
        pretrained=settings.pretrained if pretrained is None else pretrained,
        attributes=attributes and settings.attribute_losses,
        head=settings.head,
        embedding=settings.embedding,
        dropout=settings.dropout,
        hidden=settings.head_hidden,
    )


def trained_network(folder: Path) -> tuple[JointConvNet, Recipe]:
    """The best JointConvNet that `training.fit` left in `folder`, in evaluation mode on the CPU, and its recipe.

    Raises `FileNotFoundError` where notebook 04 has not trained it yet.
    """
    checkpoint = load(folder / "best.pt")
    settings = dict(checkpoint["fingerprint"])
    n_pids, attributes = settings.pop("n_pids"), settings.pop("attributes")
    fields = {name: value for name, value in settings.items() if name in Recipe.__dataclass_fields__}
    fields["image_size"] = tuple(fields["image_size"])
    # what is not in the checkpoint is as the recipe of that name has it today
    settings = replace(RECIPES.get(fields["name"], Recipe(fields["name"])), **fields)
    network = joint_network(settings, n_pids, attributes, pretrained=False)
    network.load_state_dict(checkpoint["model"])
    return network.eval(), settings


def joint_objective(
    settings: Recipe, class_weights: dict[str, torch.Tensor] | None, network: JointConvNet, n_pids: int
) -> Objective:
    """The objective of a recipe for a JointConvNet and class weights (task -> `(C,)`; None without attributes)."""
    loss = identity_loss(
        settings.identity_loss, n_pids, network.embedding_size, settings.triplet_margin, settings.triplet_mining
    )
    return Objective(
        class_weights if settings.attribute_losses else None,
        pid=settings.pid_loss,
        identity={} if loss is None else {settings.identity_loss: loss},
        gamma=settings.gamma,
        attribute_multitask=settings.attribute_multitask,
        total_multitask=settings.total_multitask,
    )


def attribute_objective(settings: Recipe, class_weights: dict[str, torch.Tensor]) -> Objective:
    """The objective of a recipe for the attributes alone (notebook 03)."""
    return Objective(
        class_weights, pid=False, identity={}, gamma=settings.gamma, attribute_multitask=settings.attribute_multitask
    )
