"""The query-retrieval widget of notebook 05 and of `make demo`.

What is known and what follows from it, plain functions without widgets:

sides.py       queries and gallery: pictures, and what is known of them
looks.py       what one network says of them, however the switches stand
asking.py      all that a person sets, and the steps from one query to another
finding.py     the gallery in the order of an answer; verdicts and filters
counts.py      precision, recall and F1 of one query; the matches that an answer lacks
overall.py     the same of all queries; the hardest ones
explaining.py  which places speak for a match or an attribute
upload.py      a picture of one's own, bounded and decoded
playground.py  a state and everything that is seen of it

What is drawn of it, as text:

pictures.py    images as small files within the page; heat over an image
cards.py       pictures with rank, verdict and attributes
panel.py       the query's own panel; figures; two pictures beside each other
curve.py       precision against recall, with the point that moves
style.py       the look of it all

And the widgets:

tiles.py       pictures that can be clicked, by an HTML text under a grid of buttons
controls.py    everything that is set by hand
view.py        `play`: all of it together
prepare.py     what `play` needs, from a data set and a trained network
"""

from assignment_lib.reporting.widget.looks import look
from assignment_lib.reporting.widget.sides import sides
from assignment_lib.reporting.widget.view import play

__all__ = ["look", "play", "sides"]
