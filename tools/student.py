"""Write the students' version of the notebooks into a folder that is a small project of its own. Called by `make student`.

usage: python tools/student.py [FOLDER]     (default: student/, written anew each time)

Marks in the notebooks, in a cell's tags:

    solution    the source of a code cell becomes the comment `# your answer`; any other cell is removed
    check       a code cell keeps its source and loses its outputs
    exercise    the cell is kept unchanged

In Markdown, a `<details>` block whose `<summary>` begins with "Solution" is removed. All other outputs are kept. The address
of the project is removed from badges and first cells, since that copy has the solutions: `make badges` in the new folder
writes another. The folder also has the library and the files that installing and running need, but not the teacher's page.
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat
import set_repository

ROOT = Path(__file__).resolve().parent.parent
ANSWER = "# your answer"
#: Files and folders of the project that the notebooks need.
NEEDED = (
    "assignment_lib", "synthetic_pedestrians", "docs", "data/README.md", "Makefile", "pyproject.toml",
    "requirements.txt", "requirements-dev.txt",
    "requirements-colab.txt", "constraints.txt", "tools/run_notebooks.py", "tools/set_repository.py", "tools/demo.py",
    "figures/widget.png", "results", "LICENSE",
)  # fmt: skip
#: What is left out of these folders: the teacher's page, and files to hand in.
LEFT_OUT = ("teaching.md", "assignment-*")
TITLE = "# Student version"
README = f"""{TITLE}

Made by `make student`. `make lab` installs the requirements and opens the notebooks. Write each answer where it says
`{ANSWER}`; the cell below checks it. `make notebooks` runs all notebooks and stops at the first failing check.
"""
DETAILS = re.compile(r"<details\b[^>]*>|</details\s*>", re.IGNORECASE)
SUMMARY = re.compile(r"\s*<summary\b[^>]*>(.*?)</summary\s*>", re.IGNORECASE | re.DOTALL)


def without_solutions(text: str) -> str:
    """Markdown without its `<details>` blocks called Solution, nested ones included.

    Raises `ValueError` where the blocks do not close.
    """
    kept, position, cut_from, open_blocks = [], 0, 0, []  # of each open block: whether it is a solution
    for tag in DETAILS.finditer(text):
        if tag[0].startswith("</"):
            if not open_blocks:
                raise ValueError("has a </details> without an opening <details>; remove it")
            if open_blocks.pop() and not any(open_blocks):
                position = tag.end()
                kept.append("\n\n")
        else:
            summary = SUMMARY.match(text, tag.end())
            title = re.sub(r"<[^>]*>|[*_`]", "", summary[1]) if summary else ""
            solution = title.strip().lower().startswith("solution")
            if solution and not any(open_blocks):
                cut_from = tag.start()
                kept.append(text[position:cut_from].rstrip())
            open_blocks.append(solution)
    if open_blocks:
        raise ValueError("has an open <details>; close it with </details>")
    whole = len(kept) == 0
    return text if whole else ("".join(kept) + text[position:].lstrip("\n")).strip()


def student_version(notebook: nbformat.NotebookNode) -> tuple[nbformat.NotebookNode, int, int]:
    """Returns the students' notebook (the given one is changed), the number of empty answers and the number of checks.

    Raises `ValueError` naming the cell, counted from 1, where a tag resembles "solution" or a block does not close.
    """
    cells, answers, checks = [], 0, 0
    for number, cell in enumerate(notebook.cells, 1):
        tags = cell.metadata.get("tags", [])
        for tag in tags:
            if tag.strip().lower() in ("solution", "solutions", "answer") and tag != "solution":
                raise ValueError(f"cell {number} has the tag {tag!r}; call it solution")
        if "solution" in tags and cell.cell_type != "code":
            continue
        if "solution" in tags:
            # metadata that hides or folds the cell is removed, too
            cell.metadata = nbformat.from_dict({"tags": ["answer", *(tag for tag in tags if tag != "solution")]})
            cell.source, answers = ANSWER, answers + 1
        elif cell.cell_type == "markdown":
            try:
                cell.source = without_solutions(cell.source)
            except ValueError as error:
                raise ValueError(f"cell {number} {error}") from None
            if not cell.source.strip():
                continue
        if cell.cell_type == "code" and ("solution" in tags or "check" in tags):
            cell.outputs, cell.execution_count = [], None
            checks += "check" in tags
        cells.append(cell)
    notebook.cells = cells
    return notebook, answers, checks


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook of version 4. Raises `ValueError` for any other file."""
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=nbformat.NO_CONVERT)
        if notebook.get("nbformat") != 4:
            raise ValueError
        nbformat.validate(notebook)
    except (ValueError, KeyError, AttributeError, TypeError, nbformat.ValidationError):
        raise ValueError(f"{path} is not a notebook of version 4; open it in Jupyter and save it again") from None
    return notebook


def write_notebooks(source: Path, target: Path) -> list[str]:
    """Write the students' version of every notebook in `source` to `target`; returns one line per notebook.

    Raises `ValueError` naming the notebook.
    """
    paths = sorted(source.glob("[0-9]*.ipynb"))
    if not paths:
        raise ValueError(f"{source} has no notebooks; run this in a complete copy of the project")
    target.mkdir(parents=True)
    lines = []
    for path in paths:
        notebook = read(path)
        try:
            notebook, answers, checks = student_version(notebook)
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from None
        text = nbformat.writes(notebook) + "\n"
        for place in set_repository.PLACES:
            text = place.sub(r"\g<1>OWNER/REPOSITORY\g<2>", text)
        (target / path.name).write_text(text, encoding="utf-8")
        lines.append(f"{path.name}: {answers} answers, {checks} checks")
    return lines


def write_project(folder: Path) -> list[str]:
    """Write notebooks, library and all other needed files to `folder`, which is replaced only when everything is complete.

    Raises `ValueError` for an unreadable notebook and for a folder that this program did not make.
    """
    readme = folder / "README.md"
    if folder.exists() and not (readme.is_file() and readme.read_text(encoding="utf-8").startswith(TITLE)):
        raise ValueError(f"{folder} was not made by `make student`; move it or pass another folder")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # left by an interrupted run
    try:
        lines = write_notebooks(ROOT / "notebooks", unfinished / "notebooks")
        leave_out = shutil.ignore_patterns("__pycache__", *LEFT_OUT)
        for name in NEEDED:
            source, target = ROOT / name, unfinished / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=leave_out)
            elif source.exists():
                shutil.copy2(source, target)
        (unfinished / "README.md").write_text(README, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return lines


def main(arguments: list[str]) -> int:
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print("usage: python tools/student.py [FOLDER]")
        return 2
    folder = Path(arguments[0] if arguments else ROOT / "student")
    try:
        lines = write_project(folder)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(*lines, f"The students' version is in {folder}.", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
