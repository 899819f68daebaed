"""The first cell of every notebook on a simulated Colab: a fake google.colab, git and pip, and a /content of its own."""

import json
import os
import subprocess
import sys
import zipfile

import pytest

from assignment_lib.environment import PROJECT_ROOT

NOTEBOOKS = sorted((PROJECT_ROOT / "notebooks").glob("[0-9]*.ipynb"))
#: Stands in for the project: all that the first cell looks at.
PROJECT = {
    "assignment_lib/__init__.py": "place = __file__\n",
    "assignment_lib/environment.py": "",
    "requirements-colab.txt": "",
    "notebooks/01.ipynb": "",
}
GIT = """#!/bin/sh
echo "git $*" >> "$ASKED"
if [ -n "$GIT_FAILS" ]; then echo "fatal: repository not found" >&2; exit 128; fi
for target; do :; done
cp -r "$PUBLISHED" "$target"
"""
PIP = """#!/bin/sh
echo "pip $*" >> "$ASKED"
if [ -n "$PIP_FAILS" ]; then echo "no matching distribution" >&2; exit 1; fi
"""


class Colab:
    """A fresh machine in a folder."""

    def __init__(self, folder):
        self.content, self.asked = folder / "content", folder / "asked"
        self.published, self.bin = folder / "published", folder / "bin"
        for made in (self.content, self.published, self.bin):
            made.mkdir()
        write(self.published)
        for name, script in (("git", GIT), ("pip", PIP)):
            (self.bin / name).write_text(script)
            (self.bin / name).chmod(0o755)

    def run(self, notebook, repository="someone/copy", colab=True, cwd=None, **variables):
        """Execute the first code cell, then say where `assignment_lib` is imported from."""
        cells = json.loads(notebook.read_text())["cells"]
        source = "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])
        assert 'repository = "' in source and "/content" in source
        begin, _, rest = source.partition('repository = "')
        source = f'{begin}repository = "{repository}"{rest.partition(chr(34))[2]}'
        source = source.replace('"/content/', f'"{self.content}/')
        fake = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('google.colab')\n" if colab else ""
        given = {"PATH": f"{self.bin}:{os.environ['PATH']}", "ASKED": str(self.asked), "PUBLISHED": str(self.published)}
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"{fake}{source}\nimport assignment_lib\nprint(assignment_lib.place)"],
            cwd=cwd or self.content, env=os.environ | given | variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def was_asked(self):
        return self.asked.read_text().splitlines() if self.asked.exists() else []


def write(folder):
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def write_zip(path, within):
    with zipfile.ZipFile(path, "w") as file:
        for name, text in PROJECT.items():
            file.writestr(within + name, text)


@pytest.fixture
def colab(tmp_path):
    return Colab(tmp_path)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_project_is_fetched_and_importable(colab, notebook):
    done = colab.run(notebook)
    place = colab.content / "assignment"
    assert done.returncode == 0 and done.stdout.strip() == str(place / "assignment_lib" / "__init__.py")
    clone, install = colab.was_asked()
    assert clone == f"git clone --quiet --depth 1 https://github.com/someone/copy {place}"
    assert install == f"pip install --quiet -r {place / 'requirements-colab.txt'}"
    assert colab.run(notebook).returncode == 0  # Run all, once more
    assert sum(line.startswith("git") for line in colab.was_asked()) == 1


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_copy_without_an_address_says_what_to_do(colab, notebook):
    done = colab.run(notebook, "OWNER/REPOSITORY")
    assert done.returncode == 1 and colab.was_asked() == []
    assert "make badges REPOSITORY=" in done.stderr and "upload a zip" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_clone_that_fails_says_so_and_can_be_tried_again(colab):
    done = colab.run(NOTEBOOKS[0], GIT_FAILS="1")
    assert done.returncode == 1 and "git cannot fetch someone/copy (fatal: repository not found)" in done.stderr
    assert colab.run(NOTEBOOKS[0]).returncode == 0


def test_an_install_that_fails_says_so_and_can_be_tried_again(colab):
    done = colab.run(NOTEBOOKS[0], PIP_FAILS="1")
    assert done.returncode == 1 and "requirements-colab.txt (no matching distribution)" in done.stderr
    assert colab.run(NOTEBOOKS[0]).returncode == 0


@pytest.mark.parametrize("within", ["", "copy-main/"])  # zipped by hand, and as GitHub does
def test_an_uploaded_zip_of_the_project_will_do(colab, within):
    (colab.content / "broken.zip").write_bytes(b"PK, still uploading")
    with zipfile.ZipFile(colab.content / "a-course.zip", "w") as file:
        file.writestr("train/0001_c1.jpg", "")
    write_zip(colab.content / "project.zip", within)
    done = colab.run(NOTEBOOKS[0], "OWNER/REPOSITORY")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(colab.content / "assignment" / within / "assignment_lib" / "__init__.py")
    assert colab.run(NOTEBOOKS[0], "OWNER/REPOSITORY").returncode == 0


@pytest.mark.parametrize("where", ["", "notebooks"])
def test_elsewhere_nothing_is_fetched(colab, where):
    done = colab.run(NOTEBOOKS[0], colab=False, cwd=colab.published / where)
    assert done.returncode == 0 and colab.was_asked() == []
    assert done.stdout.strip() == str(colab.published / "assignment_lib" / "__init__.py")


def test_outside_the_project_a_sentence_says_so(colab):
    done = colab.run(NOTEBOOKS[0], colab=False)
    assert done.returncode == 1 and f"There is no assignment_lib in {colab.content}" in done.stderr
