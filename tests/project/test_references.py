"""What the project cites as "Author et al. YEAR" stands in docs/references.bib."""

import calendar
import json
import re
import unicodedata

from assignment_lib.environment import PROJECT_ROOT

#: "Guo et al. 2018", "Liebel & Körner 2018", "Zheng et al., "Scalable ...", ICCV 2015", "Heckbert (1989)"
CITATION = re.compile(
    r"([^\W\d_][\w'’-]+)(?:(?: et al\.| (?:&|and) [^\W\d_][\w'’-]+),?(?: [\"“][^\"”]{,150}[\"”],?)?(?: [A-Z]\w+)?|(?= \())"
    r" \(?((?:19|20)\d\d)\b"
)

#: "(Kish 1965)": one author, where a bracket opens before the name.
ALONE = re.compile(r"\(([A-Z][a-z]+) ((?:19|20)\d\d)\b")
MONTHS = set(calendar.month_name)


def folded(name):
    """`Jégou` -> `jegou`: without accents, in lower case."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()


def citations(text):
    """The (first author, year) that a text cites; comment signs and line breaks do not matter."""
    text = re.sub(r"\s*\n\s*(?:#:? ?|[*>-] )?\s*", " ", text)
    found = {(name, year) for name, year in CITATION.findall(text) if name[0].isupper()}
    return found | {(name, year) for name, year in ALONE.findall(text) if name not in MONTHS}


def entries(bibliography):
    """(first author, year) of every entry of a BibTeX file, and the entries' keys in order."""
    found, keys = set(), []
    for entry in re.split(r"^@", bibliography, flags=re.MULTILINE)[1:]:
        keys.append(re.match(r"\w+\{(\w+),", entry)[1])
        author = re.search(r"^\s*author = \{([^,}\s]+)", entry, re.MULTILINE)[1]
        year = re.search(r"^\s*year = \{(\d{4})\}", entry, re.MULTILINE)[1]
        assert re.search(r"^\s*title = \{", entry, re.MULTILINE), keys[-1]
        found.add((folded(author), year))
    return found, keys


def texts():
    """Name -> text of everything that cites: modules, documents, the Markdown of notebooks."""
    documents = [
        *PROJECT_ROOT.glob("*.md"),
        *(PROJECT_ROOT / "docs").glob("*.md"),
        *(PROJECT_ROOT / "assignment_lib").rglob("*.py"),
    ]
    found = {str(path.relative_to(PROJECT_ROOT)): path.read_text() for path in documents}
    for path in (PROJECT_ROOT / "notebooks").glob("[0-9]*.ipynb"):
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "markdown"]
        found[path.name] = "\n\n".join("".join(cell["source"]) for cell in cells)
    return found


def test_every_citation_has_an_entry():
    known, _ = entries((PROJECT_ROOT / "docs" / "references.bib").read_text())
    cited = {(name, year, where) for where, text in texts().items() for name, year in citations(text)}
    assert len(cited) > 40
    missing = {f"{name} {year} of {where}" for name, year, where in cited if (folded(name), year) not in known}
    assert missing == set(), "add them to docs/references.bib"


def test_entries_are_in_order_and_once():
    _, keys = entries((PROJECT_ROOT / "docs" / "references.bib").read_text())
    assert keys == sorted(set(keys))
