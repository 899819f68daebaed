import io

import pytest

from assignment_lib.files import bar


@pytest.mark.parametrize(("variable", "show", "shown"), [("", True, True), ("", False, False), ("1", True, False)])
def test_when_a_bar_is_shown(monkeypatch, variable, show, shown):
    monkeypatch.setenv("TQDM_DISABLE", variable)
    out = io.StringIO()
    assert list(bar(range(3), desc="counting", show=show, file=out, mininterval=0)) == [0, 1, 2]
    assert ("counting" in out.getvalue()) == shown
    assert out.getvalue().endswith(" \r") == shown  # wiped away at the end
