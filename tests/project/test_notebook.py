"""The settings cell: what is kept for the next notebook, and what a fake Colab does."""

import json
import sys
import types

import pytest

from assignment_lib import environment, notebook
from assignment_lib.environment import Settings


@pytest.fixture(autouse=True)
def a_person(monkeypatch, tmp_path):
    """Somebody in a notebook, with a runs folder of their own and nothing chosen."""
    for name in ("DATA", "RECIPE", "BACKBONE", "PRETRAINED", "SEED", "UNATTENDED"):
        monkeypatch.delenv(f"ASSIGNMENT_{name}", raising=False)
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """What `google.colab` would do: a Drive that mounts, a window that uploads course.zip; and what was asked of it."""
    asked = []

    def mount(place):
        asked.append(f"mount {place}")
        (tmp_path / "drive" / "MyDrive").mkdir(parents=True)

    def upload():
        asked.append("upload")
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
    monkeypatch.setattr(notebook, "DRIVE_RUNS", tmp_path / "drive" / "MyDrive" / "assignment-runs")
    monkeypatch.delenv("ASSIGNMENT_RUNS")
    return asked


def test_nothing_chosen_is_the_default_and_keeps_nothing(tmp_path, capsys):
    assert notebook.settings() == Settings()
    assert not (tmp_path / "runs").exists() and capsys.readouterr().out == ""


def test_the_next_notebook_goes_on_with_what_was_chosen(capsys):
    chosen = notebook.settings(data="course.zip", pretrained=False)
    assert chosen == Settings(data="course.zip", pretrained=False) and capsys.readouterr().out == ""
    assert notebook.settings() == chosen
    assert "From the previous notebook: data='course.zip', pretrained=False (settings.json" in capsys.readouterr().out
    assert notebook.settings(seed=3) == Settings(data="course.zip", pretrained=False, seed=3)
    assert notebook.settings(data="synthetic", pretrained=True) == Settings(seed=3)
    capsys.readouterr()
    assert notebook.settings(seed=0) == Settings() == notebook.settings()
    assert capsys.readouterr().out == ""


def test_an_environment_variable_wins_and_is_not_kept(monkeypatch, capsys):
    notebook.settings(recipe="report")
    monkeypatch.setenv("ASSIGNMENT_RECIPE", "strong")
    assert notebook.settings().recipe == "strong" and capsys.readouterr().out == ""
    monkeypatch.delenv("ASSIGNMENT_RECIPE")
    assert notebook.settings().recipe == "report"


def test_make_notebooks_neither_reads_nor_writes_it(monkeypatch, tmp_path):
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


def test_elsewhere_than_on_colab_the_switches_say_so(capsys):
    assert notebook.settings(drive=True, upload=True) == Settings()
    assert "on Colab only" in capsys.readouterr().out


def test_everything_a_session_would_lose_goes_to_drive(colab, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_RUNS", "")  # so that what is set here is undone
    chosen = notebook.settings(data="x.zip", recipe="report", drive=True)
    runs = tmp_path / "drive" / "MyDrive" / "assignment-runs"
    for place in (chosen.training_folder("joint"), chosen.ablations, chosen.figures):
        assert place.is_relative_to(runs)
    assert (runs / "settings.json").exists() and str(runs) in capsys.readouterr().out
    assert notebook.settings(drive=True) == chosen
    assert colab == [f"mount {tmp_path / 'drive'}"]  # once


def test_a_runs_folder_of_ones_own_on_drive_stays(colab, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path / "drive" / "MyDrive" / "mine"))
    notebook.settings(drive=True)
    assert environment.runs_folder().name == "mine"


def test_a_refused_drive_is_one_sentence(colab, monkeypatch):
    def refuse(place):
        raise ValueError("mount failed")

    monkeypatch.setattr(sys.modules["google.colab.drive"], "mount", refuse)
    with pytest.raises(ConnectionError, match=r"Google Drive was not mounted \(mount failed\); .*drive=False"):
        notebook.settings(drive=True)


def test_an_uploaded_archive_is_the_data_and_asked_for_once(colab, monkeypatch, tmp_path):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path / "runs"))
    assert notebook.settings(upload=True).data == "course.zip"
    assert notebook.settings(upload=True).data == "course.zip"
    assert notebook.settings().data == "course.zip"
    assert colab == ["upload"]
    (tmp_path / "course.zip").unlink()  # a new machine
    assert notebook.settings(upload=True).data == "course.zip" and colab == ["upload", "upload"]


def test_a_closed_window_is_one_sentence(colab, monkeypatch):
    monkeypatch.setattr(sys.modules["google.colab.files"], "upload", dict)
    with pytest.raises(ValueError, match="nothing was uploaded"):
        notebook.settings(upload=True)
