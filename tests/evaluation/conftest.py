"""Images for the networks of these tests."""

import pytest
import torch


@pytest.fixture
def images():
    return torch.randint(0, 256, (20, 3, 8, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
