import sys

import numpy as np
import pytest

from assignment_lib.environment import PROJECT_ROOT


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT_ROOT / "benchmarks"))
    import bench

    monkeypatch.setattr(sys, "argv", ["bench.py"])
    for name in ("loop", "augmentation", "evaluation", "reranking"):
        monkeypatch.setattr(bench, name, list)
    monkeypatch.setattr(bench, "growth", lambda write: [])
    return bench


def test_a_broken_limit_is_loud(bench, monkeypatch, capsys):
    assert bench.main() == 0 and "WRONG" not in capsys.readouterr().out
    monkeypatch.setattr(bench, "reranking", lambda: ["re-ranking takes 9.00 times the product, over 3"])
    assert bench.main() == 1
    assert "WRONG: re-ranking takes 9.00 times" in capsys.readouterr().out


def test_growth_is_the_exponent_of_a_power_law(bench):
    sizes = (10, 100, 1000)
    assert bench.scaling.exponent(sizes, [3.0 * size**1.5 for size in sizes]) == pytest.approx(1.5)
    assert bench.median_ratio([1.0, 2.0, 4.0], [2.0, 5.0, 4.0]) == np.median([2.0, 2.5, 1.0])


def test_a_table_is_put_between_its_comments(bench, tmp_path):
    file = tmp_path / "speed.md"
    file.write_text("before\n<!-- growth -->\nold\n<!-- end of growth -->\nafter\n")
    bench.put(file, "growth", "| new |")
    bench.put(file, "growth", "| newer |")
    assert file.read_text() == "before\n<!-- growth -->\n\n| newer |\n\n<!-- end of growth -->\nafter\n"


@pytest.mark.slow
def test_the_works_of_the_table_of_growth(bench):
    rows = bench.scaling.table((1000, 1300), repeat=1)
    assert len(rows) == 6 and (rows["1,000 images, ms"] > 0).all() and rows["exponent"].notna().all()
    assert bench.scaling.markdown(rows).count("\n") == 7
