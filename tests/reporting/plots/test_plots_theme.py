from assignment_lib.reporting import plots


def test_saved_figures_are_the_same_file_each_time(tmp_path, make_table):
    for name in ("a", "b"):
        figure = plots.save_figure(plots.camera_table(make_table(5, 4)), name, tmp_path / "new")
        assert figure.axes
    assert (tmp_path / "new" / "a.png").read_bytes() == (tmp_path / "new" / "b.png").read_bytes()
