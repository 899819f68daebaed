"""What is kept of an executed notebook."""

import base64
import io

import numpy as np
from executing import run_notebooks
from PIL import Image


def test_a_large_picture_gets_few_colours_and_keeps_its_size():
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    before = base64.b64encode(buffer.getvalue()).decode()
    after = run_notebooks.in_few_colours(before)
    image = Image.open(io.BytesIO(base64.b64decode(after)))
    assert image.size == (200, 300) and image.mode == "P" and len(after) < len(before) / 2
