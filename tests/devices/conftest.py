"""The pretended GPU, as a fixture."""

import contextlib
import importlib

import pytest
import torch
from pretended_gpu import GPU, PretendedGpu


@pytest.fixture
def gpu(monkeypatch):
    """`PretendedGpu`, on which AdamW is fused, as on a GPU; autocast, which does not know the meta device, does nothing."""
    optimizer = importlib.import_module("torch.optim.optimizer")
    known = optimizer._get_fused_kernels_supported_devices()
    monkeypatch.setattr(optimizer, "_get_fused_kernels_supported_devices", lambda: [*known, GPU.type])
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    with PretendedGpu() as mode:
        yield mode
