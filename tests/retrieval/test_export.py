import onnxruntime
import pytest
import torch
import torch.nn.functional as F

from assignment_lib.data.attributes import TASKS
from assignment_lib.models.joint import JointConvNet
from assignment_lib.retrieval import export


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "head", "embedding", "tasks"),
    [
        ("efficientnet_lite0", "conv", "reweighted", list(TASKS)),
        ("resnet10t", "attention", "plain", ["hat"]),  # exporting attention takes seconds a task
        ("resnet10t", "fc", "plain", []),
    ],
)
def test_the_file_computes_what_the_network_does(tmp_path, backbone, head, embedding, tasks):
    torch.manual_seed(0)
    network = JointConvNet(backbone, 3, False, bool(tasks), head, embedding).eval()
    for task in set(TASKS) - set(tasks) if tasks else ():
        del network.heads[task]
    names = export.to_onnx(network, tmp_path / "network.onnx", (64, 32))
    assert names == ["embedding", *tasks]
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]  # one file, weights inside
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        images = torch.rand(batch, 3, 64, 32)
        found = dict(zip(names, session.run(None, {"images": images.numpy()}), strict=True))
        with torch.inference_mode():
            output = network(images)
        torch.testing.assert_close(
            torch.from_numpy(found["embedding"]), F.normalize(output.embedding), atol=1e-4, rtol=0
        )
        assert list(output.attributes) == tasks
        for task, logits in output.attributes.items():
            torch.testing.assert_close(torch.from_numpy(found[task]), logits.softmax(1), atol=1e-4, rtol=0)


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match="pip install onnx onnxscript onnxruntime"):
        export.to_onnx(torch.nn.Identity(), tmp_path / "x.onnx")
