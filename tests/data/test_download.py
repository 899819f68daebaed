"""Downloads against a local server: broken connections, resuming, changed files, no network, the count at the end."""

import http.server
import json
import re
import sys
import threading
import types
import zipfile
from pathlib import Path

import pytest

from assignment_lib.data import download
from assignment_lib.data.download import MARKET1501_IMAGES, download_market1501, fetch, verify_market1501

CONTENT = bytes(range(256)) * 400  # 102,400 bytes


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at every path; its attributes say how well, `requests` what was asked (Range headers)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.tag, self.date = CONTENT, '"v1"', None
        self.ranges = self.if_range = True  # whether it can resume, and whether it heeds If-Range
        self.break_after = []  # bytes after which each of the next answers breaks off
        self.status = []  # the status of each of the next answers, where not 200
        self.shift = 0  # how far a resumed answer begins from where it was asked to
        self.type, self.length = "application/octet-stream", True
        self.requests, self.starts = [], []  # and where each answer began

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.requests.append(asked)
        if server.status and (status := server.status.pop(0)) != 200:
            self.send_error(status)
            return
        start, total = 0, len(server.content)
        wanted = self.headers.get("If-Range")  # a weak tag never matches
        same = not server.if_range or wanted in (None, server.date) or (wanted == server.tag and wanted[0] == '"')
        if asked and server.ranges and same:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start + server.shift}-{total - 1}/{total}")
        else:
            self.send_response(200)
        for name, value in (("ETag", server.tag), ("Last-Modified", server.date), ("Content-Type", server.type)):
            if value:
                self.send_header(name, value)
        if server.length:
            self.send_header("Content-Length", str(total - start))
        self.end_headers()
        server.starts.append(start)
        end = start + server.break_after.pop(0) if server.break_after else total
        self.wfile.write(server.content[start:end])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "_FIRST_PAUSE", 0)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(server, path, **options):
    return fetch(server.url, path, progress=False, **options)


def assert_only(path: Path) -> None:
    """The finished file is there, and neither a part nor a note."""
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def interrupted(server, path: Path, have: int = 30_000) -> None:
    """Leave a part of `have` bytes at `path`, as a run does that was given up."""
    server.break_after = [have]
    with pytest.raises(ConnectionError):
        get(server, path, attempts=1)
    assert path.with_name(path.name + ".part").stat().st_size == have
    server.requests.clear()


def test_a_file_arrives_whole_in_a_new_folder(server, tmp_path):
    path = get(server, tmp_path / "new" / "file.bin")
    assert path.read_bytes() == CONTENT and server.requests == [None]
    assert_only(path)


def test_a_file_that_is_there_is_kept(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"mine")
    assert get(server, tmp_path / "file.bin").read_bytes() == b"mine" and server.requests == []


def test_broken_connections_are_resumed_where_they_stopped(server, tmp_path):
    server.break_after = [10_000, 1, 50_000]
    path = get(server, tmp_path / "file.bin", attempts=2)  # each attempt brings something, so two in a row suffice
    assert path.read_bytes() == CONTENT
    assert server.requests == [None, "bytes=10000-", "bytes=10001-", "bytes=60001-"]
    assert_only(path)


def test_the_next_call_resumes(server, tmp_path):
    interrupted(server, tmp_path / "file.bin")
    path = get(server, tmp_path / "file.bin")
    assert path.read_bytes() == CONTENT and server.requests == ["bytes=30000-"]
    assert_only(path)


def test_a_date_serves_where_there_is_no_strong_tag(server, tmp_path):
    server.tag, server.date = 'W/"weak"', "Wed, 21 Oct 2015 07:28:00 GMT"
    interrupted(server, tmp_path / "file.bin")
    assert get(server, tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.starts == [0, 30_000]


def test_without_any_version_it_starts_anew(server, tmp_path):
    """Nothing would say whether the rest belongs to the same file."""
    server.tag = None
    interrupted(server, tmp_path / "file.bin")
    assert get(server, tmp_path / "file.bin").read_bytes() == CONTENT and server.requests == [None]


def test_a_server_that_cannot_resume(server, tmp_path):
    interrupted(server, tmp_path / "file.bin")
    server.ranges = False
    path = get(server, tmp_path / "file.bin")
    assert path.read_bytes() == CONTENT and server.requests == ["bytes=30000-"]
    assert_only(path)


@pytest.mark.parametrize("heeds_if_range", [True, False])
@pytest.mark.parametrize("length", [len(CONTENT), 20_000, 30_000, 200_000])
def test_a_file_that_changed_is_loaded_anew(server, tmp_path, length, heeds_if_range):
    """Also to a file shorter than the part, or just as long."""
    interrupted(server, tmp_path / "file.bin")
    server.content, server.tag, server.if_range = bytes([7]) * length, '"v2"', heeds_if_range
    path = get(server, tmp_path / "file.bin")
    assert path.read_bytes() == server.content
    assert len(server.requests) == 1 or not heeds_if_range
    assert_only(path)


def test_an_answer_from_another_place_is_not_appended(server, tmp_path):
    interrupted(server, tmp_path / "file.bin")
    server.shift = 1
    with pytest.raises(ConnectionError, match="the server sent bytes 30001-102399 where 30000- were asked for"):
        get(server, tmp_path / "file.bin", attempts=1)
    server.shift = 0
    assert get(server, tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_part_of_another_address_is_not_continued(server, tmp_path):
    interrupted(server, tmp_path / "file.bin")
    fetch(server.url + "?other", tmp_path / "file.bin", progress=False)
    assert server.requests == [None]


def test_a_part_without_its_note_is_not_trusted(server, tmp_path):
    interrupted(server, tmp_path / "file.bin")
    (tmp_path / "file.bin.part.json").write_text("{")
    (tmp_path / "file.bin.part").write_bytes(b"something else")
    assert get(server, tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_whole_part_only_wants_its_name(server, tmp_path):
    interrupted(server, tmp_path / "file.bin")
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    path = get(server, tmp_path / "file.bin")
    assert path.read_bytes() == CONTENT and server.requests == ["bytes=102400-"]
    assert_only(path)


def test_a_new_note_never_stands_beside_old_bytes(server, tmp_path, monkeypatch):
    """A run killed just when it starts anew must not leave a part that looks like one of the new file."""
    interrupted(server, tmp_path / "file.bin")
    server.content, server.tag = bytes(len(CONTENT)), '"v2"'

    def killed(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "bar", killed)
    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path / "file.bin")
    monkeypatch.undo()
    monkeypatch.setattr(download, "_FIRST_PAUSE", 0)
    assert get(server, tmp_path / "file.bin").read_bytes() == server.content


def test_a_server_that_hangs_up_for_good(server, tmp_path):
    server.break_after = [5_000] + [0] * 10
    with pytest.raises(ConnectionError, match=r"5000 of 102400 bytes.*run it again with a network.*or put the file at"):
        get(server, tmp_path / "file.bin", attempts=3)
    assert len(server.requests) == 3  # the first brought something, two in a row nothing
    assert (tmp_path / "file.bin.part").stat().st_size == 5_000 and not (tmp_path / "file.bin").exists()


def test_a_server_that_breaks_off_and_cannot_resume_is_given_up(server, tmp_path):
    server.tag, server.break_after = None, [5_000, 0] * 25
    with pytest.raises(ConnectionError, match="the connection ended after 5000 of 102400 bytes"):
        get(server, tmp_path / "file.bin", attempts=3)
    assert len(server.requests) == 3


def test_without_a_length_the_end_is_the_end(server, tmp_path):
    server.length = False
    assert get(server, tmp_path / "file.bin").read_bytes() == CONTENT


def test_server_errors_are_tried_again_and_wrong_addresses_are_not(server, tmp_path):
    server.status = [503, 429, 200]
    assert get(server, tmp_path / "file.bin").read_bytes() == CONTENT
    server.status, server.requests = [404] * 5, []
    with pytest.raises(ConnectionError, match=re.escape(f"{server.url} answers 404 Not Found; check the address")):
        get(server, tmp_path / "other.bin")
    assert len(server.requests) == 1
    server.status = [500] * 2
    with pytest.raises(ConnectionError, match="500 Internal Server Error"):
        get(server, tmp_path / "other.bin", attempts=2)


def test_a_web_page_is_not_taken_for_the_file(server, tmp_path):
    server.type = "text/html; charset=utf-8"
    with pytest.raises(ConnectionError, match="a web page instead of the file"):
        get(server, tmp_path / "file.bin", attempts=1)
    assert not list(tmp_path.iterdir())
    assert get(server, tmp_path / "page.html").read_bytes() == CONTENT


def test_no_network_is_one_sentence(server, tmp_path):
    server.shutdown()
    server.server_close()  # nobody listens there now
    with pytest.raises(ConnectionError) as raised:
        get(server, tmp_path / "file.bin", attempts=2)
    assert "\n" not in str(raised.value)
    assert server.url in str(raised.value) and f"put the file at {tmp_path / 'file.bin'} yourself" in str(raised.value)


# --------------------------------------------------------------------------------------------------- Market-1501


SMALL = {"bounding_box_train": 3, "bounding_box_test": 4, "query": 2}


def small_market(path: Path, counts=SMALL) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for folder, count in counts.items():
            for number in range(count):
                file.writestr(f"Market-1501-v15.09.15/{folder}/{number + 1:04d}_c1s1_000001_00.jpg", f"{number}")
            file.writestr(f"Market-1501-v15.09.15/{folder}/Thumbs.db", "x")
    return path


@pytest.fixture
def network(server, monkeypatch):
    """Both sources, made up: a gdown that writes a small archive, and the server for the attributes."""
    network = types.SimpleNamespace(server=server, calls=[], counts=SMALL)

    def from_drive(id, output, resume):
        network.calls.append((id, resume))
        return str(small_market(Path(output), network.counts))

    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=from_drive))
    monkeypatch.setattr(download, "MARKET1501_IMAGES", SMALL)
    monkeypatch.setattr(download, "ATTRIBUTES_URL", server.url)
    monkeypatch.setattr(download, "read_market_attributes", network.calls.append)
    return network


def test_market1501_is_downloaded_unpacked_and_counted_once(network, tmp_path):
    folder = download_market1501(tmp_path / "data")
    assert folder == tmp_path / "data" / "market1501"
    attributes = tmp_path / "data" / "market_attribute.mat"
    assert attributes.read_bytes() == CONTENT
    assert network.calls == [("0B8-rUzbwVRk0c054eEozWG9COHM", True), attributes]
    assert len(list(folder.glob("*/bounding_box_test/*.jpg"))) == 4
    assert download_market1501(tmp_path / "data") == folder
    assert len(network.calls) == 3 and network.server.requests == [None]  # only the attributes are checked again


def test_an_incomplete_archive_is_refused_before_it_is_taken_for_the_data_set(network, tmp_path):
    network.counts = SMALL | {"query": 1}
    with pytest.raises(ValueError, match=r"v15\.09\.15\.zip is not the whole of Market-1501 \(query/ 1 of 2 images\)"):
        download_market1501(tmp_path)
    assert not (tmp_path / "market1501").exists()


def test_a_folder_of_the_user_is_counted_too(network, tmp_path):
    (tmp_path / "market1501" / "bounding_box_train").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"bounding_box_train/ 0 of 3, bounding_box_test/ 0 of 4, query/ 0 of 2"):
        download_market1501(tmp_path)
    assert network.calls == []


def test_the_true_counts():
    assert MARKET1501_IMAGES == {"bounding_box_train": 12_936, "bounding_box_test": 19_732, "query": 3_368}


def test_one_image_too_many_is_noticed_too(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MARKET1501_IMAGES", {"bounding_box_train": 1, "query": 1})
    for name in ("bounding_box_train/1.jpg", "query/1.jpg", "query/Thumbs.db", "query/._1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    verify_market1501(tmp_path)
    (tmp_path / "query" / "2.jpg").touch()
    with pytest.raises(ValueError, match="query/ 2 of 1"):
        verify_market1501(tmp_path)


def test_without_gdown_one_sentence_says_both_ways(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(ImportError, match=r"pip install gdown, or save https://drive\.google\.com/.* as .*\.zip"):
        download_market1501(tmp_path)


def test_gdown_without_network_is_one_sentence(tmp_path, monkeypatch, capsys):
    def unreachable(**options):
        raise OSError("HTTPSConnectionPool(host='drive.google.com'):\nMax retries exceeded")

    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=unreachable))
    assert download.main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Max retries exceeded" in error and "run it again with a network" in error
    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=lambda **options: None))
    with pytest.raises(ConnectionError, match="Google Drive does not give"):
        download_market1501(tmp_path)


def test_the_note_beside_a_part_is_plain(server, tmp_path):
    interrupted(server, tmp_path / "file.bin")
    note = json.loads((tmp_path / "file.bin.part.json").read_text())
    assert note == {"url": server.url, "version": '"v1"', "length": len(CONTENT)}
