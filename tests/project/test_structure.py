"""Imports go one way along the data flow, and only `reporting` draws."""

import ast
from pathlib import Path

from assignment_lib.environment import PROJECT_ROOT

LIBRARY = PROJECT_ROOT / "assignment_lib"
#: In the order of the data flow (docs/design.md).
PACKAGES = ("data", "batches", "models", "losses", "evaluation", "training", "translation", "retrieval", "reporting")
FOUNDATION = {"environment", "files", "notebook"}
#: Short public names, and what they may import.
PUBLIC = {"dataset": {"data", "environment"}, "metrics": {"evaluation"}, "score": {"reporting"}}
DRAWING = {"matplotlib", "seaborn", "ipywidgets"}
NOTEBOOKS = {"notebooks", "nbformat", "nbclient", "nbconvert", "IPython"}


def modules() -> dict[str, Path]:
    files = {".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts): path for path in LIBRARY.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in files.items()}


def imported(path: Path) -> set[str]:
    """The names that a file imports, also inside functions: `from a.b import c` counts as `a.b.c`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def package(module: str) -> str:
    """`assignment_lib.data.split` -> `data`."""
    return [*module.split("."), ""][1]


def test_the_packages_are_those_of_the_data_flow():
    assert {path.parent.name for path in LIBRARY.glob("*/__init__.py")} == set(PACKAGES)
    assert {path.stem for path in LIBRARY.glob("*.py")} == FOUNDATION | set(PUBLIC) | {"__init__"}


def test_imports_go_one_way():
    # The one command line of `training` imports the translation inside its subcommand.
    late = {("training", "translation")}
    for module, path in modules().items():
        user = package(module)
        for name in imported(path):
            used = package(name)
            if not name.startswith("assignment_lib.") or used == user or (user, used) in late:
                continue
            if user in FOUNDATION:
                assert used in FOUNDATION, f"{module} imports {name}"
            elif user in PUBLIC:
                assert used in PUBLIC[user] | FOUNDATION, f"{module} imports {name}"
            elif used in PACKAGES:
                assert PACKAGES.index(used) < PACKAGES.index(user), f"{module} imports {name}"


def test_only_reporting_draws_and_the_library_needs_no_notebook():
    for module, path in modules().items():
        packages = {name.split(".")[0] for name in imported(path)}
        assert not packages & NOTEBOOKS, module
        assert package(module) == "reporting" or not packages & DRAWING, module
