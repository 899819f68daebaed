"""docs/report.md: what it cites in the notebooks is there, and its numbers are those that were measured."""

import io
import json
import re
import subprocess

import pandas as pd
import pytest

from assignment_lib.environment import PROJECT_ROOT
from assignment_lib.reporting import ablation_tables

PAGE = (PROJECT_ROOT / "docs" / "report.md").read_text()
README = (PROJECT_ROOT / "README.md").read_text()
RESULTS = (PROJECT_ROOT / "docs" / "results.md").read_text()
PARTS = (
    "1 ", "2 ", "2.1 ", "2.2 ", "2.2.1 ", "2.3 ", "2.3.1 ", "3 ", "4 ", "5 ", "Figure 1", "Figure 2", "Table 1", "Table 2",
)  # fmt: skip


def rows(text):
    """The rows of all Markdown tables, as lists of cells."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def committed(name):
    """A table of figures/ as it is committed: `make notebooks` on another machine writes slightly other numbers."""
    show = ["git", "-C", str(PROJECT_ROOT), "show", f"HEAD:figures/{name}.csv"]
    done = subprocess.run(show, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("without the repository's history nobody knows which figures are committed")
    return io.StringIO(done.stdout)


def figures(name):
    table = pd.read_csv(committed(name), dtype=str)
    return table.set_index(table.columns[0])


def headings():
    """(notebook, section) -> title, of every `## N.M title` in the notebooks."""
    found = {}
    for path in (PROJECT_ROOT / "notebooks").glob("[0-9]*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] == "markdown":
                for section, title in re.findall(r"^#+ (\d+\.\d+) (.+)$", "".join(cell["source"]), re.MULTILINE):
                    found[path.name[:2], section] = title
    return found


def test_cited_sections_are_headings():
    cited = re.findall(r'notebook (\d\d), section (\d+\.\d+)(?:\s+"([^"]+)")?', " ".join(PAGE.split()))
    assert len(cited) > 20 and {notebook for notebook, _, _ in cited} == {"01", "02", "03", "04", "05", "06", "07"}
    there = headings()
    for notebook, section, title in cited:
        assert (notebook, section) in there, f"notebook {notebook} has no section {section}"
        assert not title or title == there[notebook, section], f"{section} of notebook {notebook} has another title"


def test_every_part_of_the_report_has_a_row():
    first = [row[0] for row in rows(PAGE)]
    for part in PARTS:
        assert any(cell.startswith(part) for cell in first), part


def test_verdicts_are_those_of_the_measured_seeds():
    decided = ablation_tables.decisions_table(pd.read_csv(PROJECT_ROOT / "docs" / "ablations_course.csv"))
    in_page = [row for row in rows(PAGE) if row[0] in set(decided["Variant"])]
    assert in_page == decided.to_numpy().tolist()


def test_tables_1_and_2_are_those_of_figures_and_results():
    in_page = {row[0]: row[1:] for row in rows(PAGE)}
    drawings = figures("table1_attributes")
    real = [row for row in rows(RESULTS) if row[0] in drawings.index]
    for task in drawings.index:
        _, _, acc, _, macc, *_ = next(row for row in real if row[0] == task)  # the first table is recipe report's
        of_report = f"{drawings['Acc (report)'][task]} / {drawings['mAcc (report)'][task]}"
        of_drawings = f"{drawings['Acc (recipe smoke)'][task]} / {drawings['mAcc (recipe smoke)'][task]}"
        assert in_page[task] == [of_report, f"{acc} / {macc}", of_drawings], f"{task}: run again or write it anew"
    reid = figures("table2_reid").loc["mAP"]
    assert in_page["among the validation images alone"][2] == reid["among validation images alone"]
    assert in_page["validation as test: among other people too"][2] == reid["recipe smoke (validation as test)"]


def test_numbers_of_drawings_in_the_text():
    text = " ".join(PAGE.split())
    known = figures("baseline_overfitting")["acc"].astype(float)
    weights = pd.read_csv(committed("class_weights")).set_index(["task", "class"])
    pairs = (weights.loc[name, ["all images", "sampler (expected)"]] for name in (("age", "old"), ("hat", "yes")))
    ages, hats = (f"{before:.1f} to {after:.1f}" for before, after in pairs)
    assert f"knows {known['training images']:.1f} % of" in text and f"and {known['validation images']:.1f} % of" in text
    assert f"rarest age falls from {ages} and that of a hat from {hats}" in text


@pytest.mark.parametrize(
    ("row", "table", "line", "column"),
    [
        ("accuracy", "table1_attributes", "average", "Acc (recipe smoke)"),
        ("mean class accuracy", "table1_attributes", "average", "mAcc (recipe smoke)"),
        ("mAP among validation people alone", "table2_reid", "mAP", "among validation images alone"),
        ("mAP, validation as test", "table2_reid", "mAP", "recipe smoke (validation as test)"),
        ("rank-1, validation as test", "table2_reid", "rank-1", "recipe smoke (validation as test)"),
    ],
)
def test_the_first_screens_drawings_are_those_of_figures(row, table, line, column):
    found = [cells for cells in rows(README) if cells[0] == row]
    assert len(found) == 1 and found[0][-1] == figures(table).loc[line, column]
