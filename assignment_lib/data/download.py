"""Market-1501 from the network, for those who have one: resumable, and verified by counting what was unpacked.

`python -m assignment_lib.data.download` fetches the images (Google Drive, 146 MB, needs `pip install gdown`) and their
attributes (GitHub) into `data/`; `dataset.load("market1501")` finds both there. `fetch` is for any other file.
"""

from __future__ import annotations

import argparse
import http.client
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from assignment_lib.data import archives
from assignment_lib.data.dataset import ATTRIBUTES_FILE, IMAGE_SUFFIXES, read_market_attributes
from assignment_lib.environment import DATA_FOLDER
from assignment_lib.progress import bar

#: The authors' own archive on Google Drive, and their attributes.
IMAGES_ID = "0B8-rUzbwVRk0c054eEozWG9COHM"
IMAGES_PAGE = f"https://drive.google.com/file/d/{IMAGES_ID}/view"
ATTRIBUTES_URL = f"https://raw.githubusercontent.com/vana77/Market-1501_Attribute/master/{ATTRIBUTES_FILE}"
#: Folder -> number of images that the whole Market-1501 has in it.
MARKET1501_IMAGES = {"bounding_box_train": 12_936, "bounding_box_test": 19_732, "query": 3_368}
_CHUNK = 256 * 1024
_FIRST_PAUSE = 0.5  # seconds before the first new attempt; each further one waits twice as long
_HEADERS = {"User-Agent": "assignment-lib", "Accept-Encoding": "identity"}  # lengths must be those of the file


def download_market1501(folder: str | Path = DATA_FOLDER) -> Path:
    """Download Market-1501 and its attributes to `folder`; return `folder/market1501`, ready for `dataset.load`.

    What is there already is kept, and a download that broke off goes on where it stopped.
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


def fetch(url: str, path: str | Path, attempts: int = 4, timeout: float = 30, progress: bool = True) -> Path:
    """Download `url` to the file `path`; return `path`. A file that is there already is kept.

    Bytes go to `path` + ".part", which becomes `path` once it has the length the server announced. A download that
    breaks off is resumed, at once (`attempts` times without a new byte) or by the next call; it starts anew where the
    server cannot resume or the file there has changed.
    Raises `ConnectionError` with one sentence; what has arrived is kept then.
    """
    path = Path(path).expanduser()
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    failures, furthest = 0, _size(part)
    while True:
        try:
            _fetch_rest(url, part, timeout, progress)
            break
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise ConnectionError(f"{url} answers {error.code} {error.reason}; check the address") from error
            reason = f"{error.code} {error.reason}"
        except urllib.error.URLError as error:
            reason = str(error.reason)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and not isinstance(error, (ConnectionError, TimeoutError, ssl.SSLError)):
                raise  # the disk's fault
            reason = str(error) or type(error).__name__
        failures = 1 if _size(part) > furthest else failures + 1
        furthest = max(furthest, _size(part))
        if failures >= attempts:
            raise ConnectionError(
                f"{url} cannot be downloaded ({reason}); run it again with a network (it goes on where it stopped), "
                f"or put the file at {path} yourself"
            )
        time.sleep(min(_FIRST_PAUSE * 2 ** (failures - 1), 10))
    part.replace(path)
    _note_of(part).unlink(missing_ok=True)
    return path


def _fetch_rest(url: str, part: Path, timeout: float, progress: bool) -> None:
    """Append to `part` what it lacks, or write it anew. `ConnectionError` where the connection ends too early."""
    note = _read_note(part)
    if note is None or note["url"] != url:
        part.unlink(missing_ok=True)  # nothing says which version of which file it is a part of
    have = _size(part)
    headers = dict(_HEADERS)
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": note["version"]}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # the part is not shorter than the file: whole, or of another version
            if have == note["length"] and error.headers.get("Content-Range") == f"bytes */{have}":
                return
            part.unlink()
            _fetch_rest(url, part, timeout, progress)
            return
        raise
    with response:
        _refuse_web_page(response, part)
        have, length = _extent(response, have)
        version = _version(response)
        if have and (version, length) != (note["version"], note["length"]):  # a server that ignores If-Range
            part.unlink()
            raise ConnectionError("the file on the server has changed meanwhile")
        if not have:
            part.unlink(missing_ok=True)  # before the note is written: old bytes must never stand beside a new note
        if version:
            _note_of(part).write_text(json.dumps({"url": url, "version": version, "length": length}), encoding="utf-8")
        else:
            _note_of(part).unlink(missing_ok=True)
        size = {"total": length, "initial": have, "unit": "B", "unit_scale": True}
        with bar(desc=part.stem, show=progress, **size) as done, part.open("ab" if have else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                done.update(len(chunk))
    if length is not None and _size(part) != length:
        raise ConnectionError(f"the connection ended after {_size(part)} of {length} bytes")


def _refuse_web_page(response: http.client.HTTPResponse, part: Path) -> None:
    """Hotel networks and file hosts answer with a page where they do not give the file."""
    if response.headers.get_content_type() == "text/html" and not part.stem.endswith((".html", ".htm")):
        raise ConnectionError("the server sent a web page instead of the file")


def _version(response: http.client.HTTPResponse) -> str:
    """What identifies these very bytes: a strong tag, else the date; empty where there is neither."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _extent(response: http.client.HTTPResponse, have: int) -> tuple[int, int | None]:
    """Where the answer begins in the file, and how long the file is, as far as the server says."""
    if response.status == 206:
        span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if span.partition("-")[0] != str(have):
            raise http.client.HTTPException(f"the server sent bytes {span} where {have}- were asked for")
        return have, int(total) if total.isdigit() else None
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _note_of(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_note(part: Path) -> dict | None:
    try:
        note = json.loads(_note_of(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and {"url", "version", "length"} <= set(note) else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _count_images(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    names = [entry.name for entry in folder.iterdir()]
    return sum(name.lower().endswith(IMAGE_SUFFIXES) and not archives.is_clutter(name) for name in names)


def _download_images(archive: Path) -> Path:
    """The archive of the images through gdown, which knows Google Drive's detours and resumes by itself."""
    if archive.exists():
        return archive
    try:
        import gdown
    except ImportError:
        raise ImportError(
            f"downloading from Google Drive needs gdown: pip install gdown, or save {IMAGES_PAGE} as {archive}"
        ) from None
    archive.parent.mkdir(parents=True, exist_ok=True)
    mend = f"run it again with a network, or save {IMAGES_PAGE} as {archive} in a browser"
    try:
        got = gdown.download(id=IMAGES_ID, output=str(archive), resume=True)
    except Exception as error:  # gdown's own kinds of error changed from version to version
        reason = " ".join(str(error).split())[:300]
        raise ConnectionError(f"Google Drive does not give {archive.name} ({reason}); {mend}") from error
    if not got or not archive.exists():  # how old versions of gdown say that it failed
        raise ConnectionError(f"Google Drive does not give {archive.name}; {mend}")
    return archive


def main(arguments: list[str] | None = None) -> int:
    """Command line: `[FOLDER]`, `data/` by default."""
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
