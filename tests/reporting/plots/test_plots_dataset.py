import pandas as pd

from assignment_lib.reporting import plots


def test_counts_and_correlations_can_be_drawn(make_table):
    table = make_table(20, 3)
    plots.counts(table["pid"].value_counts(), "t", "x", "y").canvas.draw()
    plots.correlations(table.drop_duplicates("pid")).canvas.draw()


def test_coverage_can_be_drawn():
    plots.coverage(pd.DataFrame({"heuristic": [30, 31], "blind draw": [25, 28]})).canvas.draw()
