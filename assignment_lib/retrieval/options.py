"""What mirror images, query expansion and re-ranking add to the scores."""

from __future__ import annotations

import pandas as pd
from torch import Tensor, nn

from assignment_lib.evaluation.predictions import predict
from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_from_distances
from assignment_lib.evaluation.scoring import known_cameras
from assignment_lib.retrieval.expansion import expand_queries
from assignment_lib.retrieval.reranking import neighbourhood, rerank


def retrieval_options(
    model: nn.Module,
    query_images: Tensor,
    gallery_images: Tensor,
    query: pd.DataFrame,
    gallery: pd.DataFrame,
    cameras: bool = True,
) -> pd.DataFrame:
    """mAP, rank-1 and mINP in percent, plain and with mirror images, query expansion and re-ranking: one row an option.

    Images uint8 `(Q, 3, H, W)` and `(G, 3, H, W)` belong to the rows of the tables. With `cameras=False` images of the
    query's own camera count too.
    """
    of_cameras = known_cameras(query, gallery) if cameras else (None, None)
    labels = (query["pid"].to_numpy(), gallery["pid"].to_numpy(), *of_cameras)
    k = neighbourhood(len(query) + len(gallery))
    rows = []
    for flip in (False, True):
        asked, found = (predict(model, store, flip=flip).embeddings for store in (query_images, gallery_images))
        name = "mirror images" if flip else "plain"
        scored = {
            name: reid_scores(asked, found, *labels),
            f"{name}, query expansion": reid_scores(expand_queries(asked, found), found, *labels),
            f"{name}, re-ranking": reid_scores_from_distances(rerank(asked, found, k["k1"], k["k2"]), *labels),
        }
        rows += [
            {"Option": option, "mAP": 100 * s.mAP, "rank-1": 100 * s.rank1, "mINP": 100 * s.mINP}
            for option, s in scored.items()
        ]
    return pd.DataFrame(rows)
