"""Write the GitHub address of this copy into the Colab badges and the first cells of the notebooks.

usage: make badges REPOSITORY=OWNER/REPOSITORY     (or: python tools/set_repository.py OWNER/REPOSITORY)
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = [
    re.compile(r"(colab\.research\.google\.com/github/)[\w.-]+/[\w.-]+(/blob/)"),
    re.compile(r'(REPOSITORY = \\?")[\w.-]+/[\w.-]+(\\?")'),  # inside a notebook's JSON the quote has a backslash
]


def main(repository: str) -> int:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        print(f"{repository!r} is not a GitHub address; pass REPOSITORY=owner/name.", file=sys.stderr)
        return 2
    for path in [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.ipynb"))]:
        text = changed = path.read_text(encoding="utf-8")
        for place in PLACES:
            changed = place.sub(rf"\g<1>{repository}\g<2>", changed)
        if changed != text:
            path.write_text(changed, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: set to {repository}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else os.environ.get("ASSIGNMENT_REPOSITORY", "")))
