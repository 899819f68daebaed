import pandas as pd

from assignment_lib.reporting import plots


def test_counts_and_correlations_can_be_drawn(make_table):
    table = make_table(20, 3)
    plots.counts(table["pid"].value_counts(), "t", "x", "y").canvas.draw()
    plots.correlations(table.drop_duplicates("pid")).canvas.draw()


def test_coverage_says_what_each_way_keeps():
    figure = plots.coverage(pd.DataFrame({"heuristic": [30, 31], "blind draw": [25, 28]}))
    figure.canvas.draw()
    assert figure.axes[0].get_title() == "The heuristic keeps 30.5 of 41 classes, the blind draw 26.5"


def test_cameras_are_counted_in_images_and_people():
    table = pd.DataFrame({"pid": [1, 1, 2, 2, 3], "camera": [1, 1, 1, 2, 2]})
    images, people = plots.camera_table(table).axes
    assert images.get_title() == "A camera has 2 to 3 images"
    assert people.get_title() == "A camera sees 2 to 2 of 3 people"
