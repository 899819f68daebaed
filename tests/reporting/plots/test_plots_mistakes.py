import pandas as pd
import pytest
import torch

from assignment_lib.reporting import plots
from assignment_lib.retrieval.ranking import Ranking

IMAGES = torch.zeros(6, 3, 8, 4, dtype=torch.uint8)


def test_errors_say_what_is_claimed_and_what_is_true():
    errors = pd.DataFrame(
        {
            "image": [4, 1],
            "task": ["hat", "up"],
            "true": ["no", "long"],
            "predicted": ["yes", "short"],
            "confidence": [0.98, 0.9],
        }
    )
    figure = plots.attribute_errors(IMAGES, errors, [1, 0, 2, 3, -1, 5], of="five images")
    assert [axes.get_title() for axes in figure.axes[:2]] == [
        "hat: yes\n(98 % sure)\ntrue: no",
        "up: short\n(90 % sure)\ntrue: long",
    ]
    assert [axes.get_xlabel() for axes in figure.axes[:2]] == ["junk", "distractor"]
    assert figure.get_suptitle().startswith("The 2 surest errors on five images: the network is 90 % sure or more")
    with pytest.raises(ValueError, match="no error to draw"):
        plots.attribute_errors(IMAGES, errors.head(0))


def tables():
    query = pd.DataFrame({"pid": [1, 2, 9], "camera": [1, 1, 1]})
    gallery = pd.DataFrame({"pid": [1, 1, 0, 2, -1, 2], "camera": [1, 2, 2, 2, 2, 3]})
    return query, gallery


def test_the_worst_query_is_first_and_its_match_is_shown():
    order = torch.tensor([[1, 0, 2, 3, 4, 5], [0, 1, 2, 4, 3, 5], [0, 1, 2, 3, 4, 5]])
    ranking = Ranking(order, torch.linspace(0.9, 0.4, 6).repeat(3, 1))
    figure = plots.worst_query_grid(ranking, IMAGES[:3], IMAGES, *tables(), most=5, depth=2)
    titles = [axes.get_title() for axes in figure.axes]
    # person 2: junk does not count, matches are 4th and 5th of five
    assert titles[:4] == ["AP 32 %\nfirst match: 4.", "✗ 0.90", "✗ 0.80", "✓ 0.50"]
    assert titles[4:7] == ["AP 100 %\nfirst match: 1.", "✓ 0.90", "– 0.80"]
    assert len(figure.axes) == 8, "person 9 is not in the gallery and has no row"
    assert figure.get_suptitle().startswith(
        "The 2 worst of 2 queries: AP 32 to 100 %; for 1 of them no match is among the first 2"
    )


def test_unknown_identities_have_no_worst_query():
    query, gallery = tables()
    ranking = Ranking(torch.zeros(3, 1, dtype=torch.long), torch.zeros(3, 1))
    with pytest.raises(ValueError, match="identities of the test are not known"):
        plots.worst_query_grid(ranking, IMAGES, IMAGES, query, gallery.assign(pid=-2))
    with pytest.raises(ValueError, match="no query has a match"):
        plots.worst_query_grid(ranking, IMAGES, IMAGES, query.assign(pid=7), gallery)
