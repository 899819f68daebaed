"""Names of runs, atomic writes, the progress bar."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from assignment_lib.files import atomic_write, run_name, write_text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Course.zip", "course"),
        ("my data (1).tar.gz", "my-data-1"),
        ("Market-1501-v15.09.15.zip", "market-1501-v15.09.15"),
        (".hidden", "hidden"),
    ],
)
def test_run_names(name, expected):
    assert run_name(Path("/somewhere") / name) == expected == run_name(f"/somewhere/{name}")


def test_names_in_other_alphabets_stay_different():
    names = [run_name(name) for name in ("数据.zip", "课程.zip", "データ.zip", "data-é.zip", "data-è.zip")]
    assert len(set(names)) == 5 and all(name.isascii() for name in names) and run_name("数据") == names[0]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_error_half_way_keeps_the_former_content(tmp_path, error):
    path = tmp_path / "metrics.json"
    write_text(path, "before")
    with pytest.raises(type(error)) as raised, atomic_write(path) as file:
        file.write(b"half")
        raise error
    assert isinstance(error, KeyboardInterrupt) or ("metrics.json" in str(raised.value) and "full" in str(raised.value))
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_text_that_is_not_utf_8_names_the_file_and_keeps_it(tmp_path):
    path = tmp_path / "reid_test.txt"
    write_text(path, "before")
    with pytest.raises(ValueError, match=r"reid_test\.txt was not written.*UTF-8"):
        write_text(path, "0001.jpg: \udcff.jpg")
    assert path.read_text() == "before"


def test_a_folder_that_cannot_be_written_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.open", Mock(side_effect=PermissionError(13, "Permission denied")))
    with pytest.raises(PermissionError, match="ASSIGNMENT_RUNS"):
        write_text(tmp_path / "metrics.json", "{}")
