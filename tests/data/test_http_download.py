"""Downloads against a local server: broken connections, resuming, changed files, no network."""

import json
import re
from pathlib import Path

import pytest
from file_server import CONTENT

from assignment_lib.data import http_download
from assignment_lib.data.http_download import fetch


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

    monkeypatch.setattr(http_download, "bar", killed)
    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path / "file.bin")
    monkeypatch.undo()
    monkeypatch.setattr(http_download, "_FIRST_PAUSE", 0)
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


def test_the_note_beside_a_part_is_plain(server, tmp_path):
    interrupted(server, tmp_path / "file.bin")
    note = json.loads((tmp_path / "file.bin.part.json").read_text())
    assert note == {"url": server.url, "version": '"v1"', "length": len(CONTENT)}
