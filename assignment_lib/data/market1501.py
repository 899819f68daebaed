"""Market-1501: download it from its authors, and convert it to the course's layout with an anonymous test.

`make download` and `make course DATA=path/to/Market-1501-v15.09.15 [OUT=folder]`, or
`python -m assignment_lib.data.market1501 download|course [--data PATH] [--out FOLDER]`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from filelock import FileLock

from assignment_lib.data import archives
from assignment_lib.data.annotations import ANNOTATIONS_FILE, ATTRIBUTES_FILE, TRUTH_FILE, read_market_attributes
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, TASKS, to_annotations
from assignment_lib.data.dataset import Dataset
from assignment_lib.data.layouts import image_files
from assignment_lib.dataset import load
from assignment_lib.environment import DATA_FOLDER, setting
from assignment_lib.files import write_text

#: The authors' archive on Google Drive and their attributes, with the MD5 and the beginning of the SHA-256 of these files.
IMAGES_ID = "0B8-rUzbwVRk0c054eEozWG9COHM"
IMAGES_MD5 = "65005ab7d12ec1c44de4eeafe813e68a"
IMAGES_PAGE = f"https://drive.google.com/file/d/{IMAGES_ID}/view"
ATTRIBUTES_URL = f"https://raw.githubusercontent.com/vana77/Market-1501_Attribute/master/{ATTRIBUTES_FILE}"
ATTRIBUTES_SHA256 = "d9fdbdd2e33ed2c4"
#: Number of images in the folders of the complete Market-1501.
MARKET1501_IMAGES = {"bounding_box_train": 12_936, "bounding_box_test": 19_732, "query": 3_368}


def download_market1501(folder: str | Path = DATA_FOLDER) -> Path:
    """Download Market-1501 and its attributes to `folder`; returns `folder/market1501`, ready for `dataset.load`.

    Existing files are kept. Raises `ImportError` (no gdown), `ConnectionError` (no network, Google refuses, or another
    checksum) or `ValueError` (images are missing after unpacking), with one sentence.
    """
    folder = Path(folder).expanduser().resolve()
    target, attributes = folder / "market1501", folder / ATTRIBUTES_FILE
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".market1501-download.lock"):  # two notebooks may start together
        if not target.exists():
            archive = _download_images(folder / "Market-1501-v15.09.15.zip")
            archives.unpack(archive, target, check=verify_market1501)
        verify_market1501(target)
        if not attributes.exists():
            _download_attributes(attributes)
    read_market_attributes(attributes)
    return target


def _download_attributes(attributes: Path) -> None:
    try:
        torch.hub.download_url_to_file(ATTRIBUTES_URL, str(attributes), ATTRIBUTES_SHA256)  # to a temporary file first
    except (OSError, RuntimeError) as error:  # RuntimeError: another checksum
        raise ConnectionError(
            f"{ATTRIBUTES_FILE} could not be downloaded ({error}); run again with a network, or save {ATTRIBUTES_URL} as "
            f"{attributes}"
        ) from error


def verify_market1501(folder: str | Path) -> None:
    """Raise `ValueError` naming the missing parts where `folder`, or a folder in it, is not the complete Market-1501."""
    folder = Path(folder)
    roots = [folder, *(entry for entry in sorted(folder.iterdir()) if entry.is_dir())]
    root = next((root for root in roots if (root / "bounding_box_train").is_dir()), folder)
    counts = {name: len(image_files(root / name)[0]) if (root / name).is_dir() else 0 for name in MARKET1501_IMAGES}
    wrong = [f"{name}/ {counts[name]} of {count}" for name, count in MARKET1501_IMAGES.items() if counts[name] != count]
    if wrong:
        raise ValueError(
            f"{folder} is not the complete Market-1501 ({', '.join(wrong)} images); remove it and download it again"
        )


def _download_images(archive: Path) -> Path:
    """Download the images with gdown, which handles Google Drive's confirmation pages and resumes."""
    if archive.exists():
        return archive
    try:
        import gdown
    except ImportError:
        raise ImportError(
            f"downloading from Google Drive needs gdown; run pip install gdown, or save {IMAGES_PAGE} as {archive}"
        ) from None
    archive.parent.mkdir(parents=True, exist_ok=True)
    remedy = f"run again with a network, or save {IMAGES_PAGE} as {archive} in a browser"
    try:
        path = gdown.download(id=IMAGES_ID, output=str(archive), resume=True)
    except Exception as error:  # the exceptions of gdown changed between versions
        reason = " ".join(str(error).split())[:300]
        raise ConnectionError(f"Google Drive did not deliver {archive.name} ({reason}); {remedy}") from error
    if not path or not archive.exists():  # old versions of gdown return None on failure
        raise ConnectionError(f"Google Drive did not deliver {archive.name}; {remedy}")
    with archive.open("rb") as file:
        if hashlib.file_digest(file, "md5").hexdigest() != IMAGES_MD5:
            raise ConnectionError(f"{archive} has another checksum than Market-1501; remove it and {remedy}")
    return archive


def to_course(dataset: Dataset, folder: str | Path, seed: int = 0) -> Path:
    """Write an official Market-1501 with attributes in the course's layout; returns `folder`.

    `train/` keeps its names. Gallery and queries become `test/` and `queries/` with anonymous names (`000123.jpg`) in an order
    shuffled by `seed`. `annotations_train.csv` has the 27 columns, `test_truth.csv` the columns folder, file, pid, camera and
    the 29 of `CLASSIFICATION_COLUMNS`, empty where an image has no annotations. Images are hard links where possible, else
    copies. Raises `ValueError` (attributes or test identities unknown) or `FileExistsError`.
    """
    folder = Path(folder).expanduser().resolve()
    if not dataset.has_attributes:
        raise ValueError(f"{dataset.root}: the course's layout needs annotations; put {ATTRIBUTES_FILE} next to it")
    if not dataset.has_test_identities:
        raise ValueError(f"{dataset.root}: its test identities are unknown; pass an official Market-1501")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists already; move it away or choose another folder")
    random = np.random.default_rng(seed)
    with archives.new_folder(folder) as unfinished:
        _link_all(dataset.train["path"], unfinished / "train", dataset.train["file"])
        truth = [
            _write_anonymous(table, unfinished / name, random)
            for name, table in (("test", dataset.gallery), ("queries", dataset.query))
        ]
        write_text(unfinished / TRUTH_FILE, pd.concat(truth).to_csv(index=False))
        people = dataset.train.drop_duplicates("pid").set_index("pid").sort_index()
        annotations = to_annotations(people[list(TASKS)])[ANNOTATION_COLUMNS]
        write_text(unfinished / ANNOTATIONS_FILE, annotations.to_csv(index_label="id"))
    return folder


def _write_anonymous(table: pd.DataFrame, folder: Path, random: np.random.Generator) -> pd.DataFrame:
    """Link the images of `table` under numbers into `folder`; returns the rows of the truth."""
    table = table.iloc[random.permutation(len(table))].reset_index(drop=True)
    files = [f"{number:06d}{Path(name).suffix.lower()}" for number, name in enumerate(table["file"])]
    _link_all(table["path"], folder, files)
    known = (table[list(TASKS)] >= 0).all(axis=1)
    annotations = to_annotations(table.loc[known, list(TASKS)]).astype("Int64").reindex(table.index)
    ids = pd.DataFrame({"folder": folder.name, "file": files, "pid": table["pid"], "camera": table["camera"]})
    return pd.concat([ids, annotations], axis=1)


def _link_all(sources: Iterable[str], folder: Path, names: Iterable[str]) -> None:
    folder.mkdir()
    for source, name in zip(sources, names, strict=True):
        try:
            os.link(os.path.realpath(source), folder / name)
        except OSError:  # another disk, or a file system without hard links
            shutil.copy2(source, folder / name)


def main(arguments: list[str] | None = None) -> int:
    """The command line: `download`, or `course`, whose defaults come from ASSIGNMENT_DATA and ASSIGNMENT_OUT."""
    parser = argparse.ArgumentParser(
        prog="python -m assignment_lib.data.market1501", description=__doc__.splitlines()[0]
    )
    parser.add_argument("command", choices=("download", "course"))
    parser.add_argument(
        "--data", default=setting("DATA", "market1501"), help="folder or archive of the official Market-1501"
    )
    parser.add_argument(
        "--out", default=setting("OUT", str(DATA_FOLDER / "market1501-course")), help="the folder to write"
    )
    options = parser.parse_args(arguments)
    try:
        if options.command == "download":
            print(download_market1501())
            return 0
        course = load(to_course(load(options.data), options.out))
    except (ImportError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{course.root}: {len(course.train)} training images, {len(course.query)} queries, {len(course.gallery)} test images"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
