"""Sides and a look over made-up embeddings, at any part of Market-1501's size."""

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.market_scale import market_scale
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.reporting import widget
from assignment_lib.reporting.widget.sides import Side, Sides


def made_up(scale=0.01, dimensions=32, likeness=0.4, known=True, heads=True, **options):
    """Sides, a look and the arguments of `reid_scores`, always the same ones."""
    search = market_scale(scale, dimensions, likeness)
    generator = torch.Generator().manual_seed(1)
    made, plain, mirrored = [], {}, {}
    for name in ("query", "gallery"):
        embeddings = search[name]
        count = len(embeddings)
        pids = search[f"{name}_ids"] if known else np.full(count, -2)
        files = [
            f"{pid:04d}_c{camera}_{i}.jpg"
            for i, (pid, camera) in enumerate(zip(pids, search[f"{name}_cameras"], strict=True))
        ]
        table = pd.DataFrame({"file": files, "pid": pids, "camera": search[f"{name}_cameras"]})
        for task, classes in TASKS.items():
            table[task] = np.where(pids > 0, pids % len(classes), -1)
        # a person is a pattern of blocks, so that pictures differ
        colours = torch.rand(int(search["gallery_ids"].max()) + 2, 3, 8, 4, generator=torch.Generator().manual_seed(2))
        blocks = colours[torch.as_tensor(search[f"{name}_ids"]).clamp(min=0)]
        images = F.interpolate((blocks * 255).to(torch.uint8), scale_factor=16, mode="nearest")
        noise = torch.randint(0, 30, (count, 3, 16, 8), generator=generator, dtype=torch.uint8)
        images = (images // 2 + F.interpolate(noise, scale_factor=8, mode="nearest")).contiguous()
        made.append(Side(images, table))
        probabilities = {
            task: torch.randn(count, len(classes), generator=generator).mul(2).softmax(1)
            for task, classes in TASKS.items()
        }
        probabilities = probabilities if heads else {}
        other = F.normalize(embeddings + 0.02 * torch.randn(embeddings.shape, generator=generator))
        plain[name], mirrored[name] = Predictions(embeddings, probabilities), Predictions(other, probabilities)
    return Sides(*made), widget.look({False: plain, True: mirrored}, **{"threshold": 0.5} | options), search
