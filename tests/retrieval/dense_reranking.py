"""Re-ranking written down loop by loop from the paper, for cases small enough for it."""

import numpy as np
import torch


def naive(query, gallery, k1, k2, lambda_value):
    """Zhong et al. 2017, equations 1 to 12, with sets and loops; distances as the authors' code scales them."""
    everything = torch.cat([query, gallery]).double()
    squared = torch.cdist(everything, everything).square()
    distance = (squared / squared.max(1, keepdim=True).values).numpy()
    count = len(distance)
    order = np.argsort(squared.numpy(), axis=1, kind="stable")

    def reciprocal(i, k):
        return {j for j in order[i, : k + 1] if i in order[j, : k + 1]}

    weights = np.zeros((count, count))
    for i in range(count):
        first = reciprocal(i, k1)
        widened = set(first)
        for j in first:
            others = reciprocal(j, round(k1 / 2))
            if len(others & first) > 2 / 3 * len(others):
                widened |= others
        for j in widened:
            weights[i, j] = np.exp(-distance[i, j])
        weights[i] /= weights[i].sum()
    expanded = np.array([weights[order[i, :k2]].mean(0) for i in range(count)])
    queries = len(query)
    result = np.zeros((queries, count - queries))
    for i in range(queries):
        for j in range(queries, count):
            least = np.minimum(expanded[i], expanded[j]).sum()
            most = np.maximum(expanded[i], expanded[j]).sum()
            result[i, j - queries] = (1 - lambda_value) * (1 - least / most) + lambda_value * distance[i, j]
    return result
