import pytest
import torch

from assignment_lib.training import checkpoints, parts, recipes


def test_a_trained_network_comes_back_from_its_folder(tmp_path):
    recipe = recipes.recipe("smoke", backbone="efficientnet_lite0", seed=3)
    network = parts.joint_network(recipe, n_pids=4, pretrained=False).eval()
    fingerprint = recipes.fingerprint(recipe, n_pids=4, attributes=True, data="x")
    checkpoints.save({"model": network.state_dict(), "fingerprint": fingerprint}, tmp_path / "best.pt")
    again, settings = parts.trained_network(tmp_path)
    assert settings == recipe and not again.training
    picture = torch.rand(1, 3, 128, 64)
    with torch.inference_mode():
        assert torch.equal(again(picture).embedding, network(picture).embedding)


def test_a_network_of_other_code_is_refused_in_one_sentence(tmp_path):
    recipe = recipes.recipe("smoke", pretrained=False)
    fingerprint = recipes.fingerprint(recipe, n_pids=4, attributes=True)
    checkpoints.save({"model": {"weight": torch.ones(2)}, "fingerprint": fingerprint}, tmp_path / "best.pt")
    with pytest.raises(
        ValueError, match=r"best.pt was saved by other code than this and does not fit; remove .* and train"
    ):
        parts.trained_network(tmp_path)
