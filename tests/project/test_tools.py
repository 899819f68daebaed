"""The programs in tools/: `make badges`, `make notebooks`, and how settings reach them."""

import os
import subprocess

import pytest
import run_notebooks
import set_repository

from assignment_lib import environment
from assignment_lib.environment import PROJECT_ROOT
from assignment_lib.training import ablations, recipes


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A folder with README.md and one notebook of the project."""
    (tmp_path / "notebooks").mkdir()
    for name in ("README.md", "notebooks/01_data_exploration.ipynb"):
        (tmp_path / name).write_text((PROJECT_ROOT / name).read_text())
    monkeypatch.setattr(set_repository, "ROOT", tmp_path)
    return tmp_path


def test_badges_and_first_cells_get_the_address(copy):
    assert set_repository.main("someone/re-id.2") == 0
    readme, notebook = (copy / name for name in ("README.md", "notebooks/01_data_exploration.ipynb"))
    assert readme.read_text().count("colab.research.google.com/github/someone/re-id.2/blob/main/notebooks/0") == 7
    assert "github/someone/re-id.2/blob" in notebook.read_text()
    assert 'REPOSITORY = \\"someone/re-id.2\\"' in notebook.read_text()
    assert set_repository.main("other/name") == 0
    assert "someone/re-id" not in readme.read_text() + notebook.read_text()


def test_another_form_changes_nothing(copy):
    before = (copy / "README.md").read_text()
    assert set_repository.main("no-slash") == 2
    assert (copy / "README.md").read_text() == before


def test_notebooks_with_default_settings_keep_the_long_measurements(no_settings, monkeypatch):
    """They train again what they show; `make ablations` took hours for the other rows."""
    settings = environment.Settings()
    rows = ablations.rows_of(recipes.from_settings(settings))
    folders = [ablations.folder_of(row, 0, settings.ablations) for row in rows]
    mine, other = settings.training_folder("joint"), environment.Settings(seed=1).training_folder("joint")
    inner = settings.training_folder("translation") / "people"
    for folder in (*folders, mine, other, inner):
        folder.mkdir(parents=True)
        (folder / "finished.txt").write_text("")
    (inner / "scores.json").write_text("{}")
    monkeypatch.setenv("ASSIGNMENT_UNATTENDED", "")  # `main` sets it; restored after the test
    monkeypatch.setattr(run_notebooks, "execute", lambda *_: None)
    assert run_notebooks.main([]) == 0
    assert [folder.exists() for folder in folders] == [not row.short for row in rows]
    assert not (mine / "finished.txt").exists() and (other / "finished.txt").exists()
    assert not list(inner.iterdir())


@pytest.mark.parametrize("name", ["a & b.zip", "it's (1) [x].zip", 'say "hi".zip', "two words.zip"])
def test_a_path_with_special_characters_reaches_the_programs_as_it_is(tmp_path, name):
    """`make` passes settings by environment variables, so no shell parses them."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s" "$ASSIGNMENT_DATA" > "$SEEN"\n')
    python.chmod(0o755)
    targets = ("train", "repeat", "ablations", "translation", "demo", "course", "notebooks")
    for target in targets:
        seen = tmp_path / f"seen-{target}"
        command = ["make", "--silent", target, f"DATA={name}", f"RUN={python}", "-o", "environment"]
        done = subprocess.run(
            command, cwd=PROJECT_ROOT, env=os.environ | {"SEEN": str(seen)}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (target, done.stderr)
        assert seen.read_text() == name, target
