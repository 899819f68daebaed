"""The first cell of every notebook on a simulated Colab: fake google.colab, git and pip, and its own /content."""

import json
import os
import subprocess
import sys

import pytest

from assignment_lib.environment import PROJECT_ROOT

NOTEBOOKS = sorted((PROJECT_ROOT / "notebooks").glob("[0-9]*.ipynb"))
GIT = '#!/bin/sh\necho "git $*" >> "$CALLS"\nfor target; do :; done\n[ -z "$GIT_FAILS" ] && cp -r "$PUBLISHED" "$target"\n'
PIP = '#!/bin/sh\necho "pip $*" >> "$CALLS"\n'


@pytest.fixture
def run(tmp_path):
    """`run(notebook, colab, cwd)`: execute the first code cell in IPython, then print where assignment_lib comes from."""
    published, content, programs = (tmp_path / name for name in ("published", "content", "bin"))
    for folder in (published / "assignment_lib", content, programs):
        folder.mkdir(parents=True)
    (published / "assignment_lib" / "__init__.py").write_text("place = __file__\n")
    for name, script in (("git", GIT), ("pip", PIP)):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)

    def execute(notebook, colab=True, cwd=content, **variables):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        source = "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])
        source = source.replace('"/content/', f'"{content}/')
        fake = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('google.colab')\n" if colab else ""
        script = tmp_path / "cell.ipy"
        script.write_text(f"{fake}{source}\nimport assignment_lib\nprint(assignment_lib.place)\n", encoding="utf-8")
        calls = tmp_path / "calls"
        calls.write_text("")
        given = {"PATH": f"{programs}:{os.environ['PATH']}", "CALLS": str(calls), "PUBLISHED": str(published)}
        done = subprocess.run(
            [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", str(script)],
            cwd=cwd, env=os.environ | given | variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr, calls.read_text().splitlines()

    execute.content, execute.published = content, published
    return execute


def test_on_colab_the_project_is_cloned_once_and_importable(run):
    output, calls = run(NOTEBOOKS[0])
    place = run.content / "assignment"
    assert str(place / "assignment_lib" / "__init__.py") in output
    assert calls[0].startswith("git clone") and calls[0].endswith(str(place))
    assert calls[1].startswith("pip install") and calls[1].endswith("requirements-colab.txt")
    output, calls = run(NOTEBOOKS[0])
    assert calls == [] and str(place / "assignment_lib" / "__init__.py") in output


@pytest.mark.parametrize("colab", [True, False])
def test_a_failed_clone_or_another_folder_is_explained(run, colab):
    output, _ = run(NOTEBOOKS[0], colab, GIT_FAILS="1")
    assert "assignment_lib was not found" in output and ("REPOSITORY" in output or not colab)


@pytest.mark.parametrize("folder", ["", "notebooks"])
def test_elsewhere_the_project_is_found_and_nothing_is_fetched(run, folder):
    (run.published / "notebooks").mkdir(exist_ok=True)
    output, calls = run(NOTEBOOKS[0], colab=False, cwd=run.published / folder)
    assert str(run.published / "assignment_lib" / "__init__.py") in output and calls == []
