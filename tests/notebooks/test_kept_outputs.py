"""What is kept of an executed notebook."""

import base64
import io

import numpy as np
import run_notebooks
from PIL import Image


def test_a_large_picture_gets_few_colours_and_keeps_its_size():
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    before = base64.b64encode(buffer.getvalue()).decode()
    after = run_notebooks.in_few_colours(before)
    image = Image.open(io.BytesIO(base64.b64decode(after)))
    assert image.size == (200, 300) and image.mode == "P" and len(after) < len(before) / 2


def test_what_is_new_in_every_run_is_not_kept():
    html = '<table id="T_6d64a"><th id="T_6d64a_level0_col0" >patience</th></table> T_shirt'
    kept = '<table id="T_7"><th id="T_7_level0_col0" >patience</th></table> T_shirt'
    assert run_notebooks.steady(html, 7) == kept
    assert run_notebooks.steady("<pandas.Styler at 0x7f43b978c090>", 7) == "<pandas.Styler>"
