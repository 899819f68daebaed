import torch
import torch.nn.functional as F

from assignment_lib.models import joint, neck


def test_the_neck_normalises_without_a_shift():
    features = 3 + 2 * torch.randn(16, 5)
    module = neck.bn_neck(5)
    wanted = (features - features.mean(0)) / (features.var(0, unbiased=False) + module.eps).sqrt()
    assert torch.allclose(module(features), wanted, atol=1e-5)
    assert [name for name, p in module.named_parameters() if p.requires_grad] == ["weight"]


def test_metric_loss_before_the_neck_and_classifier_after_it():
    torch.manual_seed(0)
    network = joint.JointConvNet("resnet18", 5, pretrained=False, neck="bn")
    output = network(torch.rand(4, 3, 64, 32))
    assert torch.allclose(output.embedding, F.batch_norm(output.metric, None, None, network.neck.weight, training=True))
    assert network.pid_classifier.bias is None
    assert torch.allclose(output.pid, output.embedding @ network.pid_classifier.weight.T)
    plain = joint.JointConvNet("resnet18", 5, pretrained=False)(torch.rand(2, 3, 64, 32))
    assert plain.metric is None
