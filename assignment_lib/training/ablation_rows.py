"""What the ablation tables compare: the base recipe, one thing changed at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

from assignment_lib.training.recipes import Recipe, flat

BASE = "JointConvNet (the report's final system)"
STRONG_BASE = "the whole recipe"


class Row(NamedTuple):
    """One line of the table: the base recipe with `changes`."""

    group: str
    name: str
    changes: dict[str, Any]
    report: str = ""  # what the report says of it
    network: str = "joint"  # or "baseline": notebook 03's network, which recognises attributes only
    short: bool = False  # a part of the short table
    size: float = 1.0  # of height and width, as a share of the budget's


#: The report's system and what the report tried. Slow ones last, so that a run that is stopped has most of the table.
ROWS = (
    Row("base", BASE, {}, "kept", short=True),
    Row("network", "JointNet: fully connected heads", {"head": "fc"}, "tried before the convolutional heads"),
    Row("network", "self-attention in heads and embedding", {"head": "attention"}, "an idea for later"),
    Row("network", "same backbone from scratch", {"pretrained": False}, "overfits early", short=True),
    Row("network", "ResNet-18 from scratch", {"backbone": "resnet18", "pretrained": False}, "overfits early"),
    Row("network", "MultiHead DenseNet-SE from scratch", {}, "overfits early", "baseline"),
    Row("network", "MultiHead DenseNet, no SE", {"squeeze_excitation": False}, "", "baseline"),
    Row("embedding", "with attribute predictions", {"embedding": "concatenated"}, "worse than plain"),
    Row("embedding", "with re-weighted predictions", {"embedding": "reweighted"}, "worse than plain"),
    Row("attributes", "weighted cross-entropy", {"gamma": 0.0}, "focal is an improvement"),
    Row("attributes", "images drawn evenly", {"sampler": "uniform"}, "weighted sampler kept"),
    Row("attributes", "no augmentation", {"augment": False}, "augmentation kept"),
    Row("weighting", "uniform sum", {"attribute_multitask": "uniform", "total_multitask": "uniform"}, "worse"),
    Row("weighting", "loss-balanced", {"attribute_multitask": "balanced", "total_multitask": "balanced"}, "worse"),
    Row("weighting", "dynamic priority", {"attribute_multitask": "priority", "total_multitask": "priority"}, "worse"),
    Row("identity", "PID cross-entropy alone", {"identity_loss": "none"}, "triplet added with success"),
    Row("identity", "triplet alone", {"pid_loss": False}, "not what was expected", short=True),
    Row("identity", "PID + semi-hard triplets", {"triplet_mining": "semihard"}),
    Row("identity", "PID + batch-hard triplets", {"triplet_mining": "hard"}),
    Row("identity", "PID + batch-hard from 16 x 4 images", {"triplet_mining": "hard", "sampler": "identities"}),
    Row("identity", "PID + centroid triplets", {"identity_loss": "centroid"}, "worse"),
    Row("identity", "PID + center loss", {"identity_loss": "center"}, "worse"),
    Row("identity", "PID + island loss", {"identity_loss": "island"}, "worse"),
    Row("tasks", "attributes alone", {"pid_loss": False, "identity_loss": "none"}, "PID loss regularises both"),
    Row("tasks", "re-identification alone", {"attribute_losses": False}, "both together are better"),
    Row("training", "cosine schedule", {"schedule": "cosine"}, "no gain"),
    Row("training", "warm-up, then cosine", {"schedule": "cosine", "warmup_epochs": 0.5}, "no gain"),
    Row("training", "no weight decay", {"weight_decay": 0.0}, "weight decay kept"),
    Row("training", "no dropout", {"dropout": 0.0}, "dropout kept"),
    Row("training", "average of the weights", {"ema_decay": 0.98}),
    Row("backbone", "ResNet-34 from scratch", {"backbone": "resnet34", "pretrained": False}),
    Row("backbone", "DenseNet-121 from scratch", {"backbone": "densenet121", "pretrained": False}),
    Row("backbone", "ResNet-50 from scratch", {"backbone": "resnet50", "pretrained": False}),
    Row("backbone", "ResNet-18, ImageNet", {"backbone": "resnet18"}, "the report's own, kept"),
    Row("backbone", "ResNet-34, ImageNet", {"backbone": "resnet34"}, "overfits more than ResNet-18"),
    Row("backbone", "ResNet-50, ImageNet", {"backbone": "resnet50"}, "overfits more than ResNet-18"),
    Row("backbone", "DenseNet-121, ImageNet", {"backbone": "densenet121"}),
)

#: The recipe `strong`, one part taken away at a time: what the report has, or nothing, stands in its place. The row of
#: another image size is last, since it needs images of its own.
STRONG_ROWS = (
    Row("base", STRONG_BASE, {}, short=True),
    Row("network", "no BN neck", {"neck": "none"}, short=True),
    Row("network", "convolutional heads instead of part heads", {"head": "conv"}),
    Row("network", "nothing frozen", {"frozen_stages": -1}),
    Row("network", "from scratch, nothing frozen", {"pretrained": False, "frozen_stages": -1}),
    Row("data", "the report's weighted sampler", {"sampler": "weighted"}, short=True),
    Row("data", "no augmentation", {"augment": False}),
    Row(
        "attributes",
        "the report's weighting: uncertainty, class weights, focal",
        {
            "attribute_multitask": "uncertainty",
            "total_multitask": "uncertainty",
            "class_weighting": 1.0,
            "gamma": 2.0,
            "attribute_scale": 1.0,
        },
    ),
    Row("attributes", "no logit adjustment", {"logit_adjustment": 0.0}),
    Row("identity", "no label smoothing", {"label_smoothing": 0.0}),
    Row("identity", "triplets of all kinds", {"triplet_mining": "all"}),
    Row("training", "constant learning rate", {"schedule": "constant"}),
    Row("data", "half the height and width", {}, size=0.5),
)


def rows_of(recipe: Recipe) -> tuple[Row, ...]:
    """The rows that ask something of `recipe`, its base first.

    `STRONG_ROWS` for `strong` and `market`, which goes the same way, `ROWS` for all others. A row that would set what the
    recipe has anyway is left out: it would measure the base again.
    """
    rows = STRONG_ROWS if recipe.name in ("strong", "market") else ROWS
    has = flat(recipe)

    def asks(row: Row) -> bool:
        is_base = row is rows[0]
        return is_base or row.network != "joint" or row.size != 1 or any(has[k] != v for k, v in row.changes.items())

    return tuple(row for row in rows if asks(row))
