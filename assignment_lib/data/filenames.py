"""What the name of an image file says: person id and camera."""

from __future__ import annotations

import re

#: Ids that stand for no identity. Junk and distractors are in a gallery only, anonymous images in the course's test.
ANONYMOUS, JUNK, DISTRACTOR = -2, -1, 0
UNKNOWN_CAMERA = -1
# A person id up to the first underscore; 18 digits still fit into int64.
_PID = re.compile(r"(-?[0-9]{1,18})_")
_CAMERA = re.compile(r"_c([0-9]{1,9})(?=s[0-9]|_|\.|$)", re.IGNORECASE)


def parse_name(name: str) -> tuple[int, int]:
    """Person id and camera in a file name: `0002_c1s1_000451_03.jpg` -> `(2, 1)`.

    The camera is `UNKNOWN_CAMERA` (-1) where the name has none.
    Raises `ValueError` where the name does not begin with a person id and an underscore.
    """
    pid = _PID.match(name)
    if not pid:
        raise ValueError(f"the file name {name} does not begin with a person id and an underscore (0002_c1s1.jpg)")
    camera = _CAMERA.search(name)
    return int(pid[1]), int(camera[1]) if camera else UNKNOWN_CAMERA
