"""Random targets, shared by the tests of class weights and samplers."""

import pytest
import torch

from assignment_lib.data.attributes import TASKS


@pytest.fixture
def targets(make_table):
    return torch.from_numpy(make_table(40, 3)[list(TASKS)].to_numpy())
