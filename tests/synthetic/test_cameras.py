from io import BytesIO

from drawn_people import PLAIN
from PIL import Image

from assignment_lib.synthetic.cameras import cameras
from assignment_lib.synthetic.person import person
from assignment_lib.synthetic.shots import Shot
from assignment_lib.synthetic.streams import stream
from assignment_lib.synthetic.studio import Studio


def test_cameras_beyond_the_sixth_are_variations():
    nine = cameras(9, seed=0)
    assert nine[:6] == cameras(6, seed=1)
    assert len(set(nine)) == 9
    assert nine[6:] != cameras(9, seed=1)[6:]


def test_a_ninth_camera_takes_pictures():
    studio = Studio(0, 9, {1: person(list(PLAIN.values()), stream(0))})
    with Image.open(BytesIO(studio.picture(Shot("train", "", 1, 1, 9, 1, 0)))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 128))
