from assignment_lib.training import history

ROW = {"epoch": 2, "loss": 1.25, "reid/mAP": 0.5, "images_per_second": 100.0, "seconds": 3.0}


def test_a_line_has_its_speed_only_where_a_person_watches(monkeypatch):
    monkeypatch.delenv("ASSIGNMENT_UNATTENDED", raising=False)
    assert history.line(ROW, 10, False) == "epoch  2/10  loss 1.250  mAP 0.500  100 images/s  3.0 s"
    monkeypatch.setenv("ASSIGNMENT_UNATTENDED", "1")
    assert history.line(ROW, 10, True) == "epoch  2/10  loss 1.250  mAP 0.500  best"
