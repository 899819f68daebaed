"""The page of `make demo`, without a browser; tests/browser opens it."""

import importlib.util
import sys
from pathlib import Path

import nbformat
import pytest

from assignment_lib.environment import PROJECT_ROOT


@pytest.fixture
def demo():
    spec = importlib.util.spec_from_file_location("demo", PROJECT_ROOT / "tools" / "demo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_a_notebook(demo):
    notebook = nbformat.from_dict(demo.page())
    nbformat.validate(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code"]
    compile(notebook.cells[1].source, "page", "exec")


def test_it_listens_on_this_computer_only(demo):
    for browser in (True, False):
        command = demo.command(Path("a.ipynb"), 1234, browser)
        assert "--Voila.ip=127.0.0.1" in command and "--port=1234" in command
        assert ("--no-browser" in command) != browser
        assert Path(command[0]).parent == Path(sys.executable).parent
