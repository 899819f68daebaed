import importlib.util
import json

import pytest

from assignment_lib.environment import PROJECT_ROOT


@pytest.fixture
def set_repository(tmp_path, monkeypatch):
    path = PROJECT_ROOT / "tools" / "set_repository.py"
    spec = importlib.util.spec_from_file_location("set_repository", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "notebooks").mkdir()
    for name in ("README.md", "notebooks/01_data_exploration.ipynb"):
        (tmp_path / name).write_text((PROJECT_ROOT / name).read_text())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_badges_and_first_cells_get_the_address(set_repository, tmp_path):
    assert set_repository.main("someone/re-id.2") == 0
    readme, notebook = (tmp_path / n for n in ("README.md", "notebooks/01_data_exploration.ipynb"))
    assert readme.read_text().count("colab.research.google.com/github/someone/re-id.2/blob/main/notebooks/0") == 7
    assert "github/someone/re-id.2/blob" in notebook.read_text()
    first = json.loads(notebook.read_text())["cells"][2]["source"]
    assert 'repository = "someone/re-id.2"\n' in first
    assert any(
        'repository == "OWNER/REPOSITORY"' in line for line in first
    )  # what a copy without an address is known by
    assert set_repository.main("other/name") == 0
    assert "someone/re-id" not in readme.read_text() + notebook.read_text()


def test_another_form_changes_nothing(set_repository, tmp_path):
    before = (tmp_path / "README.md").read_text()
    assert set_repository.main("no-slash") == 2
    assert (tmp_path / "README.md").read_text() == before
