"""The tables of README.md and docs/ are those of the files in results/ and figures/."""

import pytest
import write_numbers


def test_the_documents_agree_with_the_results(capsys):
    assert write_numbers.main(["--check"]) == 0, capsys.readouterr().out


def test_an_outdated_number_is_found_and_corrected(monkeypatch):
    monkeypatch.setitem(write_numbers.TABLES, "drawn", lambda: "| new |\n")
    text = "before\n<!-- table: drawn -->\nold\n<!-- end of table -->\nafter"
    once = write_numbers.updated(text)
    assert "| new |" in once and "old" not in once and once.startswith("before") and once.endswith("after")
    assert write_numbers.updated(once) == once
    with pytest.raises(ValueError, match="nowhere"):
        write_numbers.updated(text.replace("drawn", "nowhere"))
