"""What the documents of the project hold: sections, and blocks of code."""

import re

from assignment_lib.environment import PROJECT_ROOT

CONTRIBUTING = (PROJECT_ROOT / "CONTRIBUTING.md").read_text()
README = (PROJECT_ROOT / "README.md").read_text()


def section(text: str, title: str) -> str:
    """What stands under the heading `## title`."""
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]


def blocks(text: str, language: str) -> list[str]:
    """The fenced code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
