import math

import pytest

from assignment_lib.synthetic.shapes import along, outline, toward, visible_span


def test_along_a_chain_each_piece_counts_alike():
    nodes = [(0.0, 0.0, 1.0), (0.0, 10.0, 2.0), (0.0, 12.0, 4.0)]
    assert along(nodes, 0.5) == (0.0, 10.0, 2.0)
    assert along(nodes, 0.75) == (0.0, 11.0, 3.0)
    assert along(nodes, 2.0) == nodes[-1]
    assert toward(nodes[0], nodes[1], 1.5) == (0.0, 15.0, 2.5)


def test_an_outline_goes_down_one_side_and_up_the_other():
    nodes = [(10.0, 0.0, 2.0), (10.0, 8.0, 3.0)]
    assert outline(nodes, [(1.0, 0.0)] * 2, 1.0, 0.0, 0.0) == [(8.0, 0.0), (7.0, 8.0), (13.0, 8.0), (12.0, 0.0)]


def test_what_faces_away_has_no_span():
    assert visible_span(0.2, 0.5, 1.5) == pytest.approx((-0.3, 0.7))
    assert visible_span(1.4, 0.5, 1.5) == pytest.approx((0.9, 1.5))
    assert visible_span(2 * math.pi, 0.5, 1.5) == pytest.approx((-0.5, 0.5))
    assert visible_span(math.pi, 0.5, 1.5) is None
