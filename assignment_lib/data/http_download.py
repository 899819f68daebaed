"""Download one file by HTTP, resumed where it broke off, and never mixed of two versions of the file."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from assignment_lib.progress import bar

_CHUNK = 256 * 1024
_FIRST_PAUSE = 0.5  # seconds before the first new attempt; each further one waits twice as long
_HEADERS = {"User-Agent": "assignment-lib", "Accept-Encoding": "identity"}  # lengths must be those of the file


def fetch(url: str, path: str | Path, attempts: int = 4, timeout: float = 30, progress: bool = True) -> Path:
    """Download `url` to the file `path`; return `path`. A file that is there already is kept.

    Bytes go to `path` + ".part", which becomes `path` once it has the length the server announced. A download that
    breaks off is resumed, at once (until `attempts` in a row bring no new byte) or by the next call; it starts anew where
    the server cannot resume or the file there has changed. `timeout` is in seconds without an answer.
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
                f"{url} cannot be downloaded ({reason}); run it again with a network (it resumes where it stopped), "
                f"or put the file at {path} yourself"
            )
        time.sleep(min(_FIRST_PAUSE * 2 ** (failures - 1), 10))
    part.replace(path)
    _note_of(part).unlink(missing_ok=True)
    return path


def _fetch_rest(url: str, part: Path, timeout: float, progress: bool) -> None:
    """Append to `part` what it lacks, or write it anew. `ConnectionError` where the connection ends too early."""
    note = _read_note(part)
    if note.get("url") != url:
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


def _read_note(part: Path) -> dict[str, Any]:
    """Url, version and length of the file that `part` belongs to; empty where there is no such note."""
    try:
        note = json.loads(_note_of(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) and {"url", "version", "length"} <= set(note) else {}


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
