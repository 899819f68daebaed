"""Person id and camera in file names, as data sets have them and as nobody should."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data.layouts import parse_name


@pytest.mark.parametrize(
    "name, expected",
    [
        ("0002_c1s1_000451_03.jpg", (2, 1)),
        ("-1_c1s1_000401_03.jpg", (-1, 1)),
        ("0000_c6s1_000401_03.jpg.jpg", (0, 6)),
        ("0005_c2_f0046985.jpg", (5, 2)),
        ("0001_c001_00016450_0.jpg", (1, 1)),
        ("1501_c3.png", (1501, 3)),
        ("1501_C3S1.PNG", (1501, 3)),
        ("0042_portrait.jpg", (42, -1)),
        ("0042_cat3s.jpg", (42, -1)),
        ("0042_c12x.jpg", (42, -1)),
    ],
)
def test_names_as_data_sets_have_them(name, expected):
    assert parse_name(name) == expected


@settings(deadline=None)
@given(st.integers(-1, 10**17), st.integers(0, 999), st.integers(1, 9), st.integers(0, 999_999), st.integers(0, 8),
       st.sampled_from(["jpg", "JPEG", "png", "bmp"]))  # fmt: skip
def test_names_round_trip(pid, camera, sequence, frame, width, suffix):
    assert parse_name(f"{pid:0{width}d}_c{camera}s{sequence}_{frame:06d}_01.{suffix}") == (pid, camera)


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_any_name_parses_or_is_refused_by_name(first, rest):
    name = f"{first}_{rest}"
    try:
        pid, camera = parse_name(name)
    except ValueError as error:
        assert name in str(error)
        assert not (first.isascii() and first.isdigit())
    else:
        assert int(first.partition("_")[0]) == pid and camera >= -1


@pytest.mark.parametrize(
    "name", ["000123.jpg", "_c1.jpg", "abc_c1.jpg", "2-3_c1.jpg", "٣_c1.jpg", "9" * 30 + "_c1.jpg"]
)
def test_names_without_an_id(name):
    with pytest.raises(ValueError, match="does not begin with a person id"):
        parse_name(name)
