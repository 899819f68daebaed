"""The retrieval widget of notebook 05 and of `make demo`: `play(retrieval)` over a `retrieval.pipeline.Retrieval`.

- `state.py`: everything that a user chooses, and the steps between queries and pages
- `results.py`: the gallery images that a state returns, compared with the known identities
- `photos.py`: images inside a page, heat maps, uploaded photos
- `cards.py`: results, the query and counts as HTML
- `view.py`: controls, callbacks and layout
"""

from assignment_lib.reporting.widget.view import play

__all__ = ["play"]
