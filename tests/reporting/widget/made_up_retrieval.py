"""A `Retrieval` of made-up embeddings and images, of any size, always the same for the same arguments."""

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.evaluation.validation import Search
from assignment_lib.models.joint import JointConvNet, ModelSettings
from assignment_lib.retrieval.pipeline import Retrieval
from assignment_lib.training.recipes import recipe


def made_up(
    people=12, distractors=30, dimensions=32, likeness=0.6, *, known=True, heads=True, network=False, **changed
):
    """One query per person; each person has two gallery images of camera 1, the query's camera, and two of camera 2.

    `likeness` is the share of the person in an embedding, the rest is noise. Ids of distractors are 0; the last gallery
    image is junk. `network` adds one with random weights and as many `dimensions`.
    """
    random = torch.Generator().manual_seed(0)
    settings = ModelSettings(backbone="mobilenetv3_small_050", pretrained=False)
    small = JointConvNet(settings, 0).eval() if network else None
    dimensions = dimensions if small is None else small.embedding_size
    centers = F.normalize(torch.randn(people + 1, dimensions, generator=random))
    colors = torch.rand(people + 1, 3, 8, 4, generator=random)

    def part(pids, cameras):
        person = torch.as_tensor(pids).clamp(min=0)
        noise = F.normalize(torch.randn(len(pids), dimensions, generator=random))
        own = torch.where((torch.as_tensor(pids) > 0)[:, None], centers[person], noise)
        embeddings = F.normalize(likeness * own + (1 - likeness) * noise)
        images = F.interpolate((colors[person] * 255).to(torch.uint8), (128, 64))
        probabilities = {
            task: torch.randn(len(pids), len(classes), generator=random).mul(2).softmax(1)
            for task, classes in TASKS.items()
        }
        table = pd.DataFrame({"file": [f"{i:06d}.jpg" for i in range(len(pids))], "pid": pids, "camera": cameras})
        for task, classes in TASKS.items():
            table[task] = np.where(table["pid"] > 0, table["pid"] % len(classes), -1)
        if not known:
            table = table[["file"]].assign(pid=-1, camera=-1)
        return table, images, Predictions(embeddings, probabilities if heads else {})

    ids = np.arange(1, people + 1)
    gallery_ids = np.concatenate([np.repeat(ids, 4), np.zeros(distractors, int), [-1]])
    gallery_cameras = np.concatenate([np.tile([1, 1, 2, 2], people), np.full(distractors + 1, 3)])
    query_table, query_images, query = part(ids, np.ones(people, int))
    gallery_table, gallery_images, gallery = part(gallery_ids, gallery_cameras)
    similarity = query.embeddings @ gallery.embeddings.T
    values = {
        "recipe": recipe("smoke"),
        "network": small,
        "query_table": query_table,
        "gallery_table": gallery_table,
        "query_images": query_images,
        "gallery_images": gallery_images,
        "query": query,
        "gallery": gallery,
        "similarity": similarity,
        "reranked": (similarity.clamp(min=0) ** 2).roll(1, 1),  # another order than that of the similarity
        "thresholds": {"similarity": 0.5, "reranked": 0.3},
        "keep": None,
        "search": Search(query.embeddings, gallery.embeddings, ids, gallery_ids, None, None),
        "known": known,
    }
    return Retrieval(**values | changed)
