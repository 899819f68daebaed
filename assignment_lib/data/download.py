"""Download Market-1501 from its authors' addresses, verified by counting what was unpacked.

`python -m assignment_lib.data.download` fetches the images (Google Drive, 146 MB, needs `pip install gdown`) and their
attributes (GitHub) into `data/`; `dataset.load("market1501")` finds both there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assignment_lib.data import archives
from assignment_lib.data.folders import image_names
from assignment_lib.data.http_download import fetch
from assignment_lib.data.market_attributes import ATTRIBUTES_FILE, read_market_attributes
from assignment_lib.environment import DATA_FOLDER

#: The authors' own archive on Google Drive, and their attributes.
IMAGES_ID = "0B8-rUzbwVRk0c054eEozWG9COHM"
IMAGES_PAGE = f"https://drive.google.com/file/d/{IMAGES_ID}/view"
ATTRIBUTES_URL = f"https://raw.githubusercontent.com/vana77/Market-1501_Attribute/master/{ATTRIBUTES_FILE}"
#: Folder -> number of images that the whole Market-1501 has in it.
MARKET1501_IMAGES = {"bounding_box_train": 12_936, "bounding_box_test": 19_732, "query": 3_368}


def download_market1501(folder: str | Path = DATA_FOLDER) -> Path:
    """Download Market-1501 and its attributes to `folder`; return `folder/market1501`, ready for `dataset.load`.

    What is there already is kept, and a download that broke off resumes where it stopped.
    Raises `ImportError` (no gdown), `ConnectionError` (no network, or Google refuses) or `ValueError` (images are
    missing after unpacking), with one sentence.
    """
    folder = Path(folder).expanduser().resolve()
    target = folder / "market1501"
    if not target.exists():
        archive = _download_images(folder / "Market-1501-v15.09.15.zip")
        archives.unpack(archive, target, check=verify_market1501)
    verify_market1501(target)
    attributes = fetch(ATTRIBUTES_URL, folder / ATTRIBUTES_FILE)
    read_market_attributes(attributes)
    return target


def verify_market1501(folder: str | Path) -> None:
    """`ValueError` where `folder` (or a folder in it) does not hold all images of Market-1501, with what is missing."""
    folder = Path(folder)
    roots = [folder, *(entry for entry in sorted(folder.iterdir()) if entry.is_dir())]
    root = next((root for root in roots if (root / "bounding_box_train").is_dir()), folder)
    found = {name: _count_images(root / name) for name in MARKET1501_IMAGES}
    wrong = [f"{name}/ {found[name]} of {all_}" for name, all_ in MARKET1501_IMAGES.items() if found[name] != all_]
    if wrong:
        raise ValueError(
            f"{folder} is not the whole of Market-1501 ({', '.join(wrong)} images); remove it and download it again"
        )


def _count_images(folder: Path) -> int:
    return len(image_names(folder)) if folder.is_dir() else 0


def _download_images(archive: Path) -> Path:
    """Download the images through gdown, which knows Google Drive's detours and resumes by itself."""
    if archive.exists():
        return archive
    try:
        import gdown
    except ImportError:
        raise ImportError(
            f"downloading from Google Drive needs gdown: pip install gdown, or save {IMAGES_PAGE} as {archive}"
        ) from None
    archive.parent.mkdir(parents=True, exist_ok=True)
    remedy = f"run it again with a network, or save {IMAGES_PAGE} as {archive} in a browser"
    try:
        got = gdown.download(id=IMAGES_ID, output=str(archive), resume=True)
    except Exception as error:  # gdown's own kinds of error changed from version to version
        reason = " ".join(str(error).split())[:300]
        raise ConnectionError(f"Google Drive does not give {archive.name} ({reason}); {remedy}") from error
    if not got or not archive.exists():  # how old versions of gdown say that it failed
        raise ConnectionError(f"Google Drive does not give {archive.name}; {remedy}")
    return archive


def main(arguments: list[str] | None = None) -> int:
    """Command line: `[FOLDER]`, `data/` by default; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m assignment_lib.data.download", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=DATA_FOLDER)
    try:
        print(download_market1501(parser.parse_args(arguments).folder))
    except (ImportError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
