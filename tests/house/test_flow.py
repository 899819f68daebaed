"""The picture in docs/design.md is what the imports say, and the house's rules of size and order hold."""

import ast
import re
import statistics

import pytest
from library import DOORS, FOUNDATION, LIBRARY, ROOMS, imported, imports_between_rooms, modules, room

from assignment_lib.environment import PROJECT_ROOT

DESIGN = (PROJECT_ROOT / "docs" / "design.md").read_text()


def drawn_edges() -> set[tuple[str, str]]:
    picture = re.search(r"```mermaid\nflowchart \w+\n(.*?)```", DESIGN, re.DOTALL)[1]
    edges = set()
    for line in picture.splitlines():
        if "-->" in line:
            tails, heads = ([name.strip() for name in side.split("&")] for side in line.split("-->"))
            edges |= {(tail, head) for tail in tails for head in heads}
    return edges


def test_every_package_is_a_room():
    assert {path.parent.name for path in LIBRARY.glob("*/__init__.py")} == set(ROOMS)
    assert {path.stem for path in LIBRARY.glob("*.py")} == FOUNDATION | set(DOORS) | {"__init__"}


def test_the_picture_is_what_the_imports_say():
    found = {edge: why for edge, why in imports_between_rooms().items() if set(edge) <= set(ROOMS)}
    assert drawn_edges() - set(found) == set(), "drawn, but nothing imports it"
    assert {edge: why for edge, why in found.items() if edge not in drawn_edges()} == {}, "imported, but not drawn"


def test_a_room_imports_only_from_those_before_it():
    """This also rules out circles between rooms."""
    for used, user in drawn_edges():
        assert ROOMS.index(used) < ROOMS.index(user), f"{user} stands before {used}"


def test_the_text_names_the_same_order():
    assert ", ".join(ROOMS) in " ".join(DESIGN.split())
    assert re.findall(r"^\*\*(\w+)\*\* ", DESIGN, re.MULTILINE) == list(ROOMS)


def test_the_foundation_knows_no_room_and_a_door_leads_to_its_own():
    for (used, user), why in imports_between_rooms().items():
        if user in FOUNDATION:
            assert used in FOUNDATION, why
        if user in DOORS:
            assert used in DOORS[user], why
        assert used not in DOORS, f"the library itself goes round by the door: {why}"


def test_no_circles_between_modules():
    names = modules()
    uses = {name: set() for name in names}
    for name, path in names.items():
        for found in imported(path):
            used = found if found in names else found.rpartition(".")[0]
            if used in names and used != name:
                uses[name].add(used)
    done, open_ = set(), []

    def visit(name):
        assert name not in open_, " -> ".join([*open_[open_.index(name) :], name])
        if name not in done:
            open_.append(name)
            for used in sorted(uses[name]):
                visit(used)
            done.add(open_.pop())

    for name in names:
        visit(name)


def test_modules_are_small():
    lines = {name: len(path.read_text().splitlines()) for name, path in modules().items() if path.stem != "__init__"}
    assert {name: count for name, count in lines.items() if count > 300} == {}
    assert statistics.median(lines.values()) <= 120


@pytest.mark.parametrize(
    "package", sorted(path.parent for path in LIBRARY.glob("*/**/__init__.py")), ids=lambda p: p.name
)
def test_a_package_names_its_modules(package):
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text()))
    there = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    there |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    named = set(re.findall(r"[a-z_0-9]+(?:\.py|/)(?=\s|$)", docstring))
    assert there == named


DRAWING = {"matplotlib", "seaborn", "ipywidgets"}
NOTEBOOKS = {"notebooks", "nbformat", "nbclient", "nbconvert", "IPython"}


def test_only_reporting_draws_and_nothing_needs_a_notebook():
    for module, path in modules().items():
        packages = {name.split(".")[0] for name in imported(path)}
        assert not packages & NOTEBOOKS, module
        assert room(module) == "reporting" or not packages & DRAWING, module
