"""Settings, precision, versions."""

import pytest
import torch

from assignment_lib import environment
from assignment_lib.environment import Settings

pytestmark = pytest.mark.usefixtures("no_settings")


def test_variables_override_the_cell(monkeypatch):
    assert environment.settings() == Settings()
    assert environment.settings(data="x.zip", seed=4) == Settings(data="x.zip", seed=4)
    monkeypatch.setenv("ASSIGNMENT_DATA", "a/course.zip")
    monkeypatch.setenv("ASSIGNMENT_PRETRAINED", "no")
    monkeypatch.setenv("ASSIGNMENT_SEED", "7")
    monkeypatch.setenv("ASSIGNMENT_RECIPE", "")  # make passes unset variables as empty
    expected = Settings("a/course.zip", "report", pretrained=False, seed=7)
    assert environment.settings(data="b", recipe="report") == expected


@pytest.mark.parametrize(
    ("name", "value"), [("SEED", "one"), ("SEED", "-1"), ("PRETRAINED", "maybe"), ("WEIGHTS", "publish")]
)
def test_a_wrong_variable_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"ASSIGNMENT_{name}", value)
    with pytest.raises(ValueError, match=f"ASSIGNMENT_{name} is '{value}'"):
        environment.settings()


def test_only_the_defaults_write_the_committed_figures():
    assert Settings().figures == environment.FIGURES_FOLDER
    other = Settings(data="some/Course.zip", recipe="report")
    assert other.folder == environment.runs_folder() / "course-report"
    assert other.figures == other.folder / "figures"
    assert environment.FIGURES_FOLDER not in {Settings(seed=1).figures, Settings(pretrained=False).figures}


def test_published_weights_are_of_some_recipes_and_leave_the_committed_files_alone(monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_WEIGHTS", "published")
    assert not Settings().committed and environment.settings(recipe="strong").recipe == "strong"
    with pytest.raises(ValueError, match=r"recipe 'smoke'\. Set RECIPE to adapted or strong"):
        environment.settings()


def test_paths_for_programs_in_another_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my crops").mkdir()
    (tmp_path / "synthetic").mkdir()
    given = {"DATA": "synthetic", "GALLERY": "my crops", "OTHERS": "below data/", "RUNS": "new"}
    for name, value in given.items():
        monkeypatch.setenv(f"ASSIGNMENT_{name}", value)
    environment.make_paths_absolute()
    assert {name: environment.setting(name, "") for name in given} == {
        "DATA": "synthetic", "GALLERY": str(tmp_path / "my crops"), "OTHERS": "below data/", "RUNS": str(tmp_path / "new"),
    }  # fmt: skip


def test_different_settings_have_different_folders():
    settings = [
        Settings(backbone=backbone, pretrained=pretrained, seed=seed)
        for backbone in ("resnet18", "efficientnet_lite0")
        for pretrained in (True, False)
        for seed in (0, 1)
    ]
    assert len({each.training_folder("joint") for each in settings}) == 8
    assert {each.ablations.name for each in settings} == {
        "ablations", "ablations-resnet18", "ablations-resnet18-scratch", "ablations-efficientnet_lite0-scratch",
    }  # fmt: skip


def test_half_precision_on_a_gpu_that_has_no_bfloat16(monkeypatch):
    """On a T4, is_bf16_supported() is True because of emulation, and False for the hardware alone."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert environment.amp_dtype(torch.device("cuda")) == torch.float16
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert environment.amp_dtype(torch.device("cuda")) == torch.bfloat16
    assert environment.amp_dtype(torch.device("cpu")) is None


def test_versions_with_and_without_git(monkeypatch):
    line = environment.describe()
    assert f"torch {torch.__version__.split('+')[0]}" in line and ("CPU" in line or "GPU" in line or "NVIDIA" in line)
    monkeypatch.setenv("PATH", "")
    assert environment.versions()["commit"] == "unknown" and environment.versions()["torch"]
