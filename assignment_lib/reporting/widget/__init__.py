"""The retrieval widget of notebook 05 and of `make demo`: `play(retrieval)` over a `retrieval.pipeline.Retrieval`.

`state.py`: what a user chooses, and its results. `photos.py`: images inside a page. `cards.py`: results and counts as HTML.
`view.py`: controls and layout. `style.css`: the look.
"""

from assignment_lib.reporting.widget.view import play

__all__ = ["play"]
