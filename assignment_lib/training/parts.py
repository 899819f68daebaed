"""The networks and objectives that a recipe names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from assignment_lib.batches.balance import to_power
from assignment_lib.losses.identity import identity_loss
from assignment_lib.losses.objective import Objective
from assignment_lib.models.densenet_se import MultiHeadDenseNet
from assignment_lib.models.joint import JointConvNet
from assignment_lib.training import checkpoints
from assignment_lib.training.recipes import Recipe, from_fingerprint


def baseline_network(recipe: Recipe) -> MultiHeadDenseNet:
    """Notebook 03's network from scratch."""
    return MultiHeadDenseNet(squeeze_excitation=recipe.baseline.squeeze_excitation)


def joint_network(
    recipe: Recipe,
    n_pids: int,
    attributes: bool = True,
    pretrained: bool | None = None,
    priors: Mapping[str, torch.Tensor] | None = None,
) -> JointConvNet:
    """The JointConvNet of a recipe for `n_pids` training identities.

    `attributes=False` leaves the heads out, for data without annotations; `pretrained=False` skips the ImageNet weights
    where trained ones are loaded next. `priors`, task -> `(C,)`, are the shares of the training images that have each
    class, for a recipe with `logit_adjustment`; a trained network brings its own.
    """
    model = recipe.model
    return JointConvNet(
        model.backbone,
        n_pids if recipe.objective.pid_loss else 0,
        pretrained=model.pretrained if pretrained is None else pretrained,
        attributes=attributes and recipe.objective.attribute_losses,
        head=model.head,
        embedding=model.embedding,
        dropout=model.dropout,
        hidden=model.head_hidden,
        pooling=model.pooling,
        neck=model.neck,
        frozen_stages=model.frozen_stages,
        last_stride=model.last_stride,
        attribute_gradient=model.attribute_gradient,
        logit_adjustment=model.logit_adjustment,
        priors=priors,
    )


def adapted_folder(folder: Path) -> Path:
    """Where `adapt` puts what it makes of the network in `folder`: beside it."""
    return folder.with_name(f"{folder.name}-adapted")


def trained_network(folder: Path, adapted: bool = False) -> tuple[JointConvNet, Recipe]:
    """The best JointConvNet that `loop.fit` left in `folder`, in evaluation mode on the CPU, and its recipe.

    `adapted` asks for that which `adapt` made of it instead, with the images of the test. Raises `FileNotFoundError` where
    notebook 04 has not trained it yet, or nobody has adapted it, `ValueError` where it was saved by code whose network was
    another one.
    """
    if adapted:
        folder = adapted_folder(folder)
        if not (folder / "best.pt").exists():
            raise FileNotFoundError(
                f"{folder / 'best.pt'} is not there; run `make adapt` with the same DATA, RECIPE and SEED, or take the network "
                "as it was trained"
            )
    checkpoint = checkpoints.load(folder / "best.pt")
    marks = checkpoint["fingerprint"]
    recipe = from_fingerprint(marks)
    network = joint_network(recipe, marks["n_pids"], marks["attributes"], pretrained=False)
    try:
        network.load_state_dict(checkpoint["model"])
    except RuntimeError as error:
        raise ValueError(
            f"the network in {folder / 'best.pt'} was saved by other code than this and does not fit; remove "
            f"{folder.name}/ and train anew"
        ) from error
    return network.eval(), recipe


def joint_objective(
    recipe: Recipe, class_weights: dict[str, torch.Tensor] | None, network: JointConvNet, n_pids: int
) -> Objective:
    """The objective of a recipe for a JointConvNet and class weights (task -> `(C,)`; None without attributes)."""
    of = recipe.objective
    loss = identity_loss(of.identity_loss, n_pids, network.embedding_size, of.triplet_margin, of.triplet_mining)
    learned = class_weights if of.attribute_losses else None
    return Objective(
        None if learned is None else to_power(learned, of.class_weighting),
        pid=of.pid_loss,
        identity={} if loss is None else {of.identity_loss: loss},
        gamma=of.gamma,
        attribute_multitask=of.attribute_multitask,
        total_multitask=of.total_multitask,
        label_smoothing=of.label_smoothing,
        styled_smoothing=of.styled_smoothing,
        attribute_scale=of.attribute_scale,
    )


def attribute_objective(recipe: Recipe, class_weights: dict[str, torch.Tensor]) -> Objective:
    """The objective of a recipe for the attributes alone (notebook 03)."""
    of = recipe.objective
    return Objective(
        to_power(class_weights, of.class_weighting),
        pid=False,
        identity={},
        gamma=of.gamma,
        attribute_multitask=of.attribute_multitask,
        attribute_scale=of.attribute_scale,
    )
