"""In README.md, CONTRIBUTING.md and docs/, links lead somewhere, what is named exists, and tables are those of results/."""

import importlib
import re

import pytest
import write_numbers

from assignment_lib.environment import PROJECT_ROOT

DOCUMENTS = [
    PROJECT_ROOT / "README.md",
    PROJECT_ROOT / "CONTRIBUTING.md",
    *sorted((PROJECT_ROOT / "docs").glob("*.md")),
]
by_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def spans(text):
    """Inline code of the running text."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


def blocks(text, language):
    """Fenced code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@by_document
def test_links_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.M)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("http"):
            assert (document.parent / target.partition("#")[0]).exists(), target


@by_document
def test_named_modules_and_functions_exist(document):
    text = document.read_text(encoding="utf-8")
    for dotted in set(re.findall(r"\bassignment_lib(?:\.\w+)+", text)):
        parts = dotted.split(".")
        for length in range(len(parts), 0, -1):
            try:
                found = importlib.import_module(".".join(parts[:length]))
            except ModuleNotFoundError:
                continue
            for name in parts[length:]:
                assert hasattr(found, name), dotted
                found = getattr(found, name)
            break
    for path in spans(text):
        if re.fullmatch(r"(assignment_lib|tools|benchmarks|notebooks|tests|docs|synthetic_pedestrians)/[\w./-]+", path):
            assert (PROJECT_ROOT / path).exists(), path


@by_document
def test_named_make_targets_exist(document):
    targets = set(re.findall(r"^([\w-]+):", (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = document.read_text(encoding="utf-8")
    code = "\n".join([*spans(text), *blocks(text, ""), *blocks(text, "sh")])
    assert set(re.findall(r"^(?:\w+=\w+ )?make ([\w-]+)", code, re.MULTILINE)) <= targets


def test_the_documents_agree_with_the_results(capsys):
    assert write_numbers.main(["--check"]) == 0, capsys.readouterr().out


def test_an_outdated_number_is_found_and_corrected(monkeypatch):
    monkeypatch.setitem(write_numbers.TABLES, "drawn", lambda: "| new |\n")
    text = "before\n<!-- table: drawn -->\nold\n<!-- end of table -->\nafter"
    once = write_numbers.updated(text)
    assert "| new |" in once and "old" not in once and once.startswith("before") and once.endswith("after")
    assert write_numbers.updated(once) == once
    with pytest.raises(ValueError, match="nowhere"):
        write_numbers.updated(text.replace("drawn", "nowhere"))
