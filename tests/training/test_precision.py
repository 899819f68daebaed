import time

import torch

from assignment_lib.training import precision


def test_the_faster_dtype_is_taken():

    def bfloat16_is_fast(dtype):
        time.sleep(0.002 if dtype is torch.bfloat16 else 0.02)

    def bfloat16_is_no_faster(dtype):
        time.sleep(0.01)

    assert precision.faster_dtype(bfloat16_is_fast) is torch.bfloat16
    assert precision.faster_dtype(bfloat16_is_no_faster) is None
