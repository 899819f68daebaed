import pytest
import torch
import torch.nn.functional as F

from assignment_lib.models.joint import JointConvNet
from assignment_lib.training import grown


def network(n_pids, neck="bn"):
    return JointConvNet("efficientnet_lite0", n_pids, pretrained=False, attributes=False, neck=neck).eval()


def test_directions_are_those_of_the_means():
    embeddings = F.normalize(torch.randn(6, 5, generator=torch.Generator().manual_seed(0)))
    found = grown.cluster_directions(embeddings, torch.tensor([1, -1, 0, 1, 0, 1]))
    assert torch.allclose(found[0], F.normalize(embeddings[[2, 4]].mean(0), dim=0))
    assert torch.allclose(found[1], F.normalize(embeddings[[0, 3, 5]].mean(0), dim=0))


@pytest.mark.parametrize("neck", ["bn", "none"])
def test_old_people_keep_their_logits_and_clusters_get_theirs(neck):
    torch.manual_seed(0)
    trained, new = network(7, neck), network(8, neck)  # five people and, of an earlier round, two clusters
    trained.neck is None or trained.neck.running_mean.fill_(0.1)
    directions = F.normalize(torch.randn(3, 1280))
    grown.take_over(new, trained, 5, directions)
    images = torch.rand(4, 3, 64, 32)
    with torch.no_grad():
        before, after = trained(images), new(images)
    assert torch.equal(after.embedding, before.embedding)
    assert torch.allclose(after.pid[:, :5], before.pid[:, :5])
    rows = new.pid_classifier.weight[5:]
    assert torch.allclose(F.normalize(rows), directions, atol=1e-6)
    assert torch.allclose(rows.norm(dim=1), trained.pid_classifier.weight[:5].norm(dim=1).mean())
    if neck == "none":
        assert torch.allclose(new.pid_classifier.bias[5:], trained.pid_classifier.bias[:5].mean())


def test_without_a_classifier_the_weights_are_taken_over():
    trained, new = network(0), network(0)
    grown.take_over(new, trained, 5, torch.eye(1280)[:2])
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(new.parameters(), trained.parameters(), strict=True))


def test_a_network_of_other_people_is_refused():
    with pytest.raises(ValueError, match="have 4 and 7 rows, which does not fit 5 labelled people and 2 clusters"):
        grown.take_over(network(7), network(4), 5, torch.eye(1280)[:2])
