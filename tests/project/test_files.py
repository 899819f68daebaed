"""Names of folders and archives."""

from pathlib import Path

import pytest

from assignment_lib.files import run_name


@pytest.mark.parametrize(
    "name, expected",
    [
        ("Course.zip", "course"),
        ("my data (1).tar.gz", "my-data-1"),
        ("Market-1501-v15.09.15.zip", "market-1501-v15.09.15"),
        ("Market-1501-v15.09.15", "market-1501-v15.09.15"),
        (".hidden", "hidden"),
        ("データ.zip", "data"),
    ],
)
def test_stem(name, expected):
    assert stem(Path("/somewhere") / name) == expected
