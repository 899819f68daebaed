import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.training.made_up import noise_split, repeated
from assignment_lib.training.recipes import recipe


def test_noise_is_a_split_like_any_other():
    split = noise_split(recipe("report", image_size=(32, 16)), 50, people=20)
    assert split.train_images.shape == (50, 3, 32, 16) and split.train_images.dtype == torch.uint8
    assert split.train["pid"].value_counts().min() >= 2 and split.train["pid"].nunique() == 20
    for task, classes in TASKS.items():
        assert split.train[task].between(0, len(classes) - 1).all()
        assert (split.train.groupby("pid")[task].nunique() == 1).all()  # attributes belong to a person
    assert noise_split(recipe("report", image_size=(32, 16)), 6, people=500).train["pid"].nunique() == 3


def test_a_small_split_is_made_large_with_other_people():
    split = noise_split(recipe("report", image_size=(32, 16)), 10, people=4)
    large = repeated(split, 25)
    assert len(large.train) == len(large.train_images) == 25
    assert torch.equal(large.train_images[20:], split.train_images[:5])
    assert set(large.train["pid"][:10]) == set(split.train["pid"])
    assert not set(large.train["pid"][10:20]) & set(split.train["pid"])
    assert len(repeated(split, 3).train) == 3
