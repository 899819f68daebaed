"""Started by torchrun (test_distributed.py): trains the tiny network with the processes that torchrun started."""

import os
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
os.environ["TQDM_DISABLE"] = "1"

import tiny_training

from assignment_lib.training import processes


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    device = processes.start()
    assert (device is None) == (os.environ["WORLD_SIZE"] == "1")
    torch.manual_seed(0)
    # no dropout and no batch norm: the one draws, the other averages in each process for itself
    model = tiny_training.Tiny(dropout=0.0, norm=False)
    batches = tiny_training.batches_of(torch.Generator().manual_seed(1), size=5)  # 12 images: 5, 5 and an uneven 2
    model, history, lines = tiny_training.train(
        folder, 8, model=model, batches=batches, learning_rate=0.02, scores=list(range(8))
    )
    timeless = history[[column for column in history if "second" not in column]]
    result = {"model": model.state_dict(), "history": timeless.to_dict("list"), "lines": len(lines)}
    torch.save(result, folder / f"rank{processes.rank()}-of-{processes.processes()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
