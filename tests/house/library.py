"""The library as its source says: modules, rooms and imports, without importing anything."""

import ast
from pathlib import Path

from assignment_lib.environment import PROJECT_ROOT

LIBRARY = PROJECT_ROOT / "assignment_lib"
#: In the order in which data flows through them.
ROOMS = (
    "data",
    "synthetic",
    "batches",
    "models",
    "losses",
    "evaluation",
    "training",
    "translation",
    "retrieval",
    "reporting",
)
DOORS = {"dataset": {"data", "synthetic", "environment"}, "metrics": {"evaluation"}, "score": {"reporting"}}
FOUNDATION = {"environment", "files", "notebook", "progress"}


def modules() -> dict[str, Path]:
    """Dotted name -> file, of every module and package of the library."""
    files = {".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts): path for path in LIBRARY.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in files.items()}


def imported(path: Path) -> set[str]:
    """Everything that a file imports, in functions too: `from a.b import c` counts as `a.b.c`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(module: str) -> str:
    """`assignment_lib.data.split` -> `data`: a room, a door or a part of the foundation."""
    return [*module.split("."), ""][1]


def imports_between_rooms() -> dict[tuple[str, str], list[str]]:
    """(used, user) -> the imports that make the edge, each as "user module imports name"."""
    edges: dict[tuple[str, str], list[str]] = {}
    for module, path in modules().items():
        for name in imported(path):
            if name.startswith("assignment_lib.") and room(name) != room(module):
                edges.setdefault((room(name), room(module)), []).append(f"{module} imports {name}")
    return edges
