"""The settings of the transforms: their ranges, and their way through JSON."""

from dataclasses import asdict

import pytest

from assignment_lib.batches.augmentation import Augmentation, only


def test_settings_come_back_from_json_equal():
    chosen = Augmentation(scale=(0.8, 1.2))
    as_json = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(chosen).items()}
    assert Augmentation(**as_json) == chosen and hash(Augmentation(**as_json)) == hash(chosen)


@pytest.mark.parametrize(
    "wrong",
    [
        {"flip": 1.5}, {"rotation": -0.1}, {"hue": 0.6}, {"brightness": -1}, {"distortion": 1.1}, {"scale": (1.1, 0.9)},
        {"scale": (0.0, 1.0)}, {"translate": (0.1, 2.0)}, {"shear": 90}, {"erasing_ratio": (0.0, 1.0)},
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augmentation(**wrong)


def test_a_transform_that_is_none_is_named():
    with pytest.raises(ValueError, match="none of the transforms"):
        only("colour")
