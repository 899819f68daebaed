import pytest
import torch
from torch import nn

from assignment_lib.evaluation.predictions import predict
from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.models.joint import Output
from assignment_lib.retrieval.options import retrieval_options


class MeanColor(nn.Module):
    """The embedding is the mean colour, and there are no attributes."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(5.0))

    def forward(self, images):
        return Output(images.mean(dim=(2, 3)) * self.scale, {}, None)


def test_options_are_scored_by_the_same_protocol(make_table):
    images = torch.randint(0, 256, (20, 3, 8, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    table = make_table(5, 4)
    asked, rest = table.index % 4 == 0, table.index % 4 != 0
    model = MeanColor()
    options = retrieval_options(
        model, images[torch.tensor(asked)], images[torch.tensor(rest)], table[asked], table[rest], cameras=False
    ).set_index("Option")
    assert len(options) == 6 and options.notna().all(axis=None)
    query, gallery = (predict(model, images[torch.tensor(part)]).embeddings for part in (asked, rest))
    ids = [table.loc[part, "pid"].to_numpy() for part in (asked, rest)]
    plain = reid_scores(query, gallery, *ids, None, None)
    assert options.loc["plain", "mAP"] == pytest.approx(100 * plain.mAP)
    # the mean colour is the same in a mirror
    assert options.loc["mirror images", "mAP"] == pytest.approx(100 * plain.mAP)
