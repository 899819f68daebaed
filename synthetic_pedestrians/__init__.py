"""Generator of the built-in data set: drawn pedestrians in the course's layout, so that no real person is shown.

drawing.py  `draw`: people, list of shots, files; protection of folders that it did not write
scenes.py   cameras, backgrounds, occluders, image noise; `Renderer` turns one shot into a JPEG
person.py   one person: classes, traits, colours, pose, body proportions
clothes.py  torso, arms, legs, clothes and bags
figure.py   head, hair and hat; `render_person` puts all parts together
canvas.py   the drawing surface, geometry of outlines, colour classes as RGB
"""

from synthetic_pedestrians.drawing import draw

__all__ = ["draw"]
