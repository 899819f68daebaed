import pytest
from drawn_people import TINY

from assignment_lib.synthetic import draw
from assignment_lib.synthetic.counts import work_out


def test_defaults_follow_from_the_identities():
    counts = work_out(120, 80, 6, None, None, None, None, None, 0)
    assert (counts.train_images, counts.queries, counts.gallery) == (1080, 160, 700)
    assert (counts.distractors, counts.junk) == (84, 42)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(cameras=1), "cameras"),
        (dict(train_images=7), "train_images"),
        (dict(gallery=5), "gallery"),
        (dict(junk=-1), "negative"),
        (dict(test_identities=9_999), "9999"),
    ],
)
def test_counts_that_do_not_fit_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        draw(tmp_path / "set", **(TINY | changes))
    assert not any(tmp_path.iterdir())
