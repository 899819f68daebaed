"""Archives, made up."""

import io
import tarfile
import zipfile
from pathlib import Path

from assignment_lib.data.archives import MARKER

FILES = {"set/train/0001_c1.jpg": b"one", "set/train/0002_c2.jpg": b"two" * 1000, "set/notes.csv": b"id\n1\n"}


def write_zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name), content, compression)
    return path


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def content_of(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != MARKER]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def entries(folder: Path) -> set[str]:
    """The names of all entries of `folder`, without lock files: a temporary folder would be among them."""
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}
