"""A trained network as an ONNX file, for use outside notebooks and without torch."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assignment_lib.data.attributes import TASKS


class Exported(nn.Module):
    """What the file computes: images -> normalised embedding, and the probabilities of each task it has heads for."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        output = self.network(images)
        return F.normalize(output.embedding), *(logits.softmax(1) for logits in output.attributes.values())


def to_onnx(network: nn.Module, path: Path, image_size: tuple[int, int] = (128, 64)) -> list[str]:
    """Write `network` (a JointConvNet) as one ONNX file and return the names of its outputs.

    Input "images": float32 `(batch, 3, height, width)` in [0, 1], any batch size; normalisation is inside. Outputs:
    "embedding" `(batch, D)`, rows of length 1, then one `(batch, C)` of probabilities a task, named like it. Needs the
    extra packages onnx and onnxscript; raises ImportError without them.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(f"the export needs {error.name}: pip install onnx onnxscript onnxruntime") from error
    network = copy.deepcopy(network).eval().cpu()
    example = torch.rand(2, 3, *image_size)
    with torch.inference_mode():
        tasks = [task for task in TASKS if task in network(example).attributes]
    names = ["embedding", *tasks]
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            Exported(network).eval(), (example,), str(path), input_names=["images"], output_names=names, dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},), external_data=False, verbose=False,
        )  # fmt: skip
    return names
