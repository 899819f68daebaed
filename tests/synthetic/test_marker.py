import json
import re

import pytest
from drawn_people import TINY, files

from assignment_lib.synthetic import draw, marker
from assignment_lib.synthetic.studio import Studio


def test_a_complete_folder_is_left_alone_and_others_are_drawn_anew(drawn):
    folder, whole = drawn, files(drawn)
    image = folder / "test" / "000000.jpg"
    image.write_bytes(b"kept")
    assert draw(folder, **TINY) == folder
    assert image.read_bytes() == b"kept"
    (folder / "train" / sorted(path.name for path in (folder / "train").iterdir())[0]).unlink()
    assert files(draw(folder, **TINY)) == whole
    assert files(draw(folder, seed=1, **TINY)) != whole


def test_a_crash_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    folder, pictures = tmp_path / "set", []

    def crash(self, shot):
        if len(pictures) == 5:
            raise KeyboardInterrupt
        pictures.append(shot)
        return b"half"

    with monkeypatch.context() as patch:
        patch.setattr(Studio, "picture", crash)
        with pytest.raises(KeyboardInterrupt):
            draw(folder, **TINY)
    assert not folder.exists()
    draw(folder, **TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert b"half" not in files(folder).values()


@pytest.mark.parametrize("where", ["set", "set.part"])
def test_a_foreign_folder_is_refused_untouched(tmp_path, where):
    (tmp_path / where).mkdir()
    (tmp_path / where / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="give another folder"):
        draw(tmp_path / "set", **TINY)
    assert (tmp_path / where / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("place", ["notes.txt", "train/notes.txt"])
def test_a_file_added_to_a_drawn_folder_is_not_lost(drawn, place):
    (drawn / place).write_text("mine")
    with pytest.raises(FileExistsError, match=re.escape(place)):
        draw(drawn, seed=1, **TINY)
    assert (drawn / place).read_text() == "mine"


def test_older_drawings_are_replaced(drawn, monkeypatch):
    monkeypatch.setattr(marker, "VERSION", marker.VERSION + 1)
    draw(drawn, **TINY)
    assert json.loads((drawn / "synthetic.json").read_text())["version"] == marker.VERSION
