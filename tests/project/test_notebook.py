"""The settings cell: settings stored for the next notebook, and a simulated Colab."""

import json
import sys
import types
from unittest.mock import Mock

import pytest

from assignment_lib import environment, notebook
from assignment_lib.environment import Settings


@pytest.fixture(autouse=True)
def attended(no_settings, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """A simulated `google.colab`: a Drive that mounts, a dialog that uploads course.zip. Returns the list of calls."""
    calls = []

    def mount(place):
        calls.append(f"mount {place}")
        (tmp_path / "drive" / "MyDrive").mkdir(parents=True)

    def upload():
        calls.append("upload")
        (tmp_path / "course.zip").touch()
        return {"course.zip": b""}

    for name, module in {
        "google": types.ModuleType("google"),
        "google.colab": types.ModuleType("google.colab"),
        "google.colab.drive": types.SimpleNamespace(mount=mount),
        "google.colab.files": types.SimpleNamespace(upload=upload),
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(notebook, "DRIVE", tmp_path / "drive")
    monkeypatch.delenv("ASSIGNMENT_RUNS")
    return calls


def test_the_next_notebook_reuses_the_settings(capsys):
    assert notebook.settings() == Settings() and not environment.runs_folder().exists()
    chosen = notebook.settings(data="course.zip", pretrained=False)
    assert chosen == Settings(data="course.zip", pretrained=False) and capsys.readouterr().out == ""
    assert notebook.settings() == chosen
    assert "From the previous notebook: data='course.zip', pretrained=False (settings.json" in capsys.readouterr().out
    assert notebook.settings(seed=3) == Settings(data="course.zip", pretrained=False, seed=3)
    assert notebook.settings(data="synthetic", pretrained=True) == Settings(seed=3)
    capsys.readouterr()
    assert notebook.settings(seed=0) == Settings() == notebook.settings()
    assert capsys.readouterr().out == ""


def test_an_environment_variable_overrides_and_is_not_stored(monkeypatch, capsys):
    notebook.settings(recipe="report")
    monkeypatch.setenv("ASSIGNMENT_RECIPE", "strong")
    assert notebook.settings().recipe == "strong" and capsys.readouterr().out == ""
    monkeypatch.delenv("ASSIGNMENT_RECIPE")
    assert notebook.settings().recipe == "report"


def test_make_notebooks_neither_reads_nor_writes_stored_settings(monkeypatch, tmp_path):
    notebook.settings(data="course.zip")
    monkeypatch.setenv("ASSIGNMENT_UNATTENDED", "1")
    assert notebook.settings() == Settings()
    assert notebook.settings(seed=5, drive=True, upload=True) == Settings(seed=5)
    assert json.loads((tmp_path / "runs" / "settings.json").read_text()) == {"data": "course.zip"}


@pytest.mark.parametrize("content", ["{", "[1]", '{"seed": "one"}', '{"colour": 1}', '{"seed": true}'])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "settings.json").write_text(content)
    with pytest.raises(ValueError, match=r"settings\.json is damaged; remove it"):
        notebook.settings()


def test_networks_and_results_are_stored_on_drive(colab, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_RUNS", "")  # so that monkeypatch restores it
    chosen = notebook.settings(data="x.zip", recipe="report", drive=True)
    runs = tmp_path / "drive" / "MyDrive" / "assignment-runs"
    for place in (chosen.training_folder("joint"), chosen.ablations, chosen.figures):
        assert place.is_relative_to(runs)
    assert (runs / "settings.json").exists() and str(runs) in capsys.readouterr().out
    assert notebook.settings(drive=True) == chosen
    assert colab == [f"mount {tmp_path / 'drive'}"]  # once


def test_a_chosen_runs_folder_on_drive_is_kept(colab, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path / "drive" / "MyDrive" / "mine"))
    notebook.settings(drive=True)
    assert environment.runs_folder().name == "mine"


def test_a_refused_drive_or_a_cancelled_upload_is_one_sentence(colab, monkeypatch):
    monkeypatch.setattr(sys.modules["google.colab.drive"], "mount", Mock(side_effect=ValueError("mount failed")))
    with pytest.raises(ConnectionError, match=r"Google Drive was not mounted \(mount failed\); .*drive=False"):
        notebook.settings(drive=True)
    monkeypatch.setattr(sys.modules["google.colab.files"], "upload", dict)
    with pytest.raises(ValueError, match="nothing was uploaded"):
        notebook.settings(upload=True)


def test_an_uploaded_archive_becomes_the_data_and_is_requested_once(colab, monkeypatch, tmp_path):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path / "runs"))
    assert notebook.settings(upload=True).data == "course.zip"
    assert notebook.settings(upload=True).data == "course.zip"
    assert notebook.settings().data == "course.zip"
    assert colab == ["upload"]
    (tmp_path / "course.zip").unlink()  # a new machine
    assert notebook.settings(upload=True).data == "course.zip" and colab == ["upload", "upload"]
