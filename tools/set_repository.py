"""Write the GitHub address of this copy into the Colab badges and the notebooks' first cells.

usage: python tools/set_repository.py OWNER/REPOSITORY     (or: make badges REPOSITORY=OWNER/REPOSITORY)
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = [
    re.compile(r"(colab\.research\.google\.com/github/)[\w.-]+/[\w.-]+(/blob/)"),
    re.compile(r'(repository = \\")[\w.-]+/[\w.-]+(\\")'),  # in JSON, where a quote has a backslash
]


def main(repository: str) -> int:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        print(f"{repository!r} is not of the form owner/repository")
        return 2
    for path in [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.ipynb"))]:
        text = changed = path.read_text()
        for place in PLACES:
            changed = place.sub(rf"\g<1>{repository}\g<2>", changed)
        if changed != text:
            path.write_text(changed)
            print(f"{path.relative_to(ROOT)}: set to {repository}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else ""))
