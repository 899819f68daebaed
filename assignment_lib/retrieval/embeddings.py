"""Embeddings on disk, with the files they belong to and the network they come from."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from assignment_lib.files import new_file


def model_fingerprint(model: nn.Module) -> str:
    """Sixteen hexadecimal digits that change when any weight or buffer of `model` does."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def save(path: Path, embeddings: Tensor, files: Sequence[str], fingerprint: str) -> None:
    """Write `embeddings` `(N, D)` float32 with the name of each image's file and `model_fingerprint` as one `.npz`.

    Raises ValueError where there are not as many files as embeddings.
    """
    if len(embeddings) != len(files):
        raise ValueError(f"{path.name}: {len(embeddings)} embeddings for {len(files)} files; they must be as many")
    with new_file(path) as file:
        np.savez(
            file, embeddings=embeddings.float().cpu().numpy(), files=np.array(files, dtype=str), fingerprint=fingerprint
        )


def load(path: Path, fingerprint: str | None = None, files: Sequence[str] | None = None) -> tuple[Tensor, list[str]]:
    """What `save` wrote: `(N, D)` float32 and the file names.

    Raises ValueError where the embeddings come from another network than the one of `fingerprint`, or belong to other
    files than `files` or in another order: they would be stale. Either check is left out where it is None. Raises
    FileNotFoundError where there is no such file.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; notebook 05 writes it")
    try:
        with np.load(path, allow_pickle=False) as content:
            embeddings, names = content["embeddings"], content["files"].tolist()
            written_by = str(content["fingerprint"])
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}); remove it and run notebook 05 again"
        ) from error
    if fingerprint is not None and written_by != fingerprint:
        raise ValueError(
            f"{path} comes from another network ({written_by}, not {fingerprint}); remove it and run notebook 05 again"
        )
    if files is not None and names != list(files):
        raise ValueError(f"{path} belongs to other images than these; remove it and run notebook 05 again")
    return torch.from_numpy(embeddings), names
