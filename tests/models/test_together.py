"""Several networks as one."""

import pytest
import torch
import torch.nn.functional as F

from assignment_lib.evaluation.predictions import predict
from assignment_lib.models.joint import JointConvNet
from assignment_lib.models.together import Together


def two_networks() -> list[JointConvNet]:
    torch.manual_seed(0)
    return [JointConvNet("mobilenetv3_small_050", 3, pretrained=False).eval() for _ in range(2)]


def test_similarity_and_probabilities_are_the_means_of_the_networks():
    networks = two_networks()
    images = torch.randint(0, 256, (4, 3, 64, 32), dtype=torch.uint8)
    each, joined = [predict(network, images) for network in networks], predict(Together(networks), images)
    mean = sum(one.embeddings @ one.embeddings.T for one in each) / 2
    torch.testing.assert_close(joined.embeddings @ joined.embeddings.T, mean, atol=1e-5, rtol=0)
    for task, values in joined.probabilities.items():
        torch.testing.assert_close(values, (each[0].probabilities[task] + each[1].probabilities[task]) / 2)


def test_one_network_alone_answers_as_before():
    network = two_networks()[0]
    images = torch.rand(2, 3, 64, 32)
    alone, together = network(images), Together([network])(images)
    torch.testing.assert_close(together.embedding, F.normalize(alone.embedding))
    assert Together([network]).embedding_size == network.embedding_size
    for task, logits in together.attributes.items():
        torch.testing.assert_close(logits.softmax(1), alone.attributes[task].softmax(1))


def test_a_class_that_no_network_believes_in_has_no_probability_and_is_no_error():
    networks = two_networks()
    for network in networks:
        network.heads["hat"][-1].bias.data[0] = -1e4
    assert predict(Together(networks), torch.zeros(1, 3, 64, 32, dtype=torch.uint8)).probabilities["hat"][0, 0] == 0


def test_nobody_answers_nothing():
    with pytest.raises(ValueError, match="at least one"):
        Together([])
