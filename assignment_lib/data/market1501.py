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
from assignment_lib.data.layouts import find_layout, image_files
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

    Existing files are kept. Raises `ConnectionError` (no gdown, no network, Google refuses, or another checksum) or
    `ValueError` (images are missing after unpacking), with one sentence.
    """
    folder = Path(folder).expanduser().resolve()
    target, attributes = folder / "market1501", folder / ATTRIBUTES_FILE
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".market1501-download.lock"):  # two notebooks may start together
        if not target.exists():
            archive = _download_images(folder / "Market-1501-v15.09.15.zip")
            archives.unpack(archive, target, check=verify_market1501)
        verify_market1501(target)
        try:
            if not attributes.exists():  # `torch.hub` writes a temporary file first
                torch.hub.download_url_to_file(ATTRIBUTES_URL, str(attributes), ATTRIBUTES_SHA256)
        except (OSError, RuntimeError) as error:  # RuntimeError: another checksum
            remedy = f"run again with a network, or save {ATTRIBUTES_URL} as {attributes}"
            raise ConnectionError(f"{ATTRIBUTES_FILE} could not be downloaded ({error}); {remedy}") from error
    read_market_attributes(attributes)
    return target


def verify_market1501(folder: str | Path) -> None:
    """Raise `ValueError` naming the missing parts where `folder`, or a folder in it, is not the complete Market-1501."""
    try:
        root, _ = find_layout(folder)
    except (FileNotFoundError, ValueError):  # nothing, or something else
        root = Path(folder)
    counts = {name: len(image_files(root / name)[0]) if (root / name).is_dir() else 0 for name in MARKET1501_IMAGES}
    if counts != MARKET1501_IMAGES:
        found = ", ".join(f"{name}/ {counts[name]} of {count}" for name, count in MARKET1501_IMAGES.items())
        raise ValueError(f"{folder} is not the complete Market-1501 ({found} images); remove it and download it again")


def _download_images(archive: Path) -> Path:
    """Download the images with gdown, which handles Google Drive's confirmation pages and resumes."""
    if archive.exists():
        return archive
    remedy = f"run again with a network, or save {IMAGES_PAGE} as {archive} in a browser"
    try:
        import gdown

        if not gdown.download(id=IMAGES_ID, output=str(archive), resume=True):
            raise OSError("no file")  # old versions of gdown return None on failure
    except Exception as error:  # the exceptions of gdown changed between versions
        reason = " ".join(str(error).split())[:300]
        raise ConnectionError(f"Google Drive did not deliver {archive.name} ({reason}); {remedy}") from error
    with archive.open("rb") as file:
        if hashlib.file_digest(file, "md5").hexdigest() != IMAGES_MD5:
            raise ConnectionError(f"{archive} has another checksum than Market-1501; remove it and {remedy}")
    return archive


def to_course(dataset: Dataset, folder: str | Path, seed: int = 0) -> Path:
    """Write an official Market-1501 with attributes in the course's layout; returns `folder`.

    `train/` keeps its names. Gallery and queries become `test/` and `queries/` with anonymous names (`000123.jpg`) in an order
    shuffled by `seed`; `test_truth.csv` holds their identities and attributes. Images are hard links where possible, else
    copies. Raises `ValueError` (attributes or test identities unknown) or `FileExistsError`.
    """
    folder = Path(folder).expanduser().resolve()
    if not (dataset.has_attributes and dataset.has_test_identities):
        raise ValueError(
            f"{dataset.root} is no official Market-1501 with {ATTRIBUTES_FILE} in or next to it; add the file"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists already; move it away or choose another folder")
    random = np.random.default_rng(seed)
    with archives.new_folder(folder) as unfinished:
        _link_all(dataset.train["path"], unfinished / "train", dataset.train["file"])
        test = _write_anonymous(dataset.gallery, unfinished / "test", random)
        queries = _write_anonymous(dataset.query, unfinished / "queries", random)
        write_text(unfinished / TRUTH_FILE, pd.concat([test, queries]).to_csv(index=False))
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
        (folder / name).parent.mkdir(parents=True, exist_ok=True)  # a folder per person
        try:
            os.link(os.path.realpath(source), folder / name)
        except OSError:  # another disk, or a file system without hard links
            shutil.copy2(source, folder / name)


def main(arguments: list[str] | None = None) -> int:
    """The command line: `download`, or `course`, whose defaults come from ASSIGNMENT_DATA and ASSIGNMENT_OUT."""
    parser = argparse.ArgumentParser("python -m assignment_lib.data.market1501", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("download", "course"))
    parser.add_argument("--data", default=setting("DATA", "market1501"), help="folder or archive of Market-1501")
    parser.add_argument("--out", default=setting("OUT", str(DATA_FOLDER / "market1501-course")), help="folder to write")
    options = parser.parse_args(arguments)
    try:
        if options.command == "download":
            print(download_market1501())
            return 0
        course = load(to_course(load(options.data), options.out))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    counts = f"{len(course.train)} training images, {len(course.query)} queries, {len(course.gallery)} test images"
    print(f"{course.root}: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
