import torch

from assignment_lib.data.images import near_duplicates, thumbnails


def noise(count, seed):
    small = torch.randint(0, 256, (count, 3, 16, 8), generator=torch.Generator().manual_seed(seed)).float()
    return torch.nn.functional.interpolate(small, (64, 32), mode="bilinear").to(torch.uint8)


def test_the_same_scene_is_found_darker_and_noisier():
    images = noise(6, 0)
    copies = (images[[3, 5]].float() * 0.7 + torch.randn(2, 3, 64, 32)).clamp(0, 255).to(torch.uint8)
    found = near_duplicates(torch.cat([noise(2, 1), copies]), images)
    assert found.tolist() == [False, False, True, True]


def test_nothing_to_compare_with():
    images = noise(3, 0)
    assert near_duplicates(images, images[:0]).tolist() == [False] * 3
    assert near_duplicates(images[:0], images).tolist() == []


def test_thumbnails_have_mean_0_and_length_1_and_plain_pictures_are_no_numbers_problem():
    small = thumbnails(torch.cat([noise(2, 0), torch.full((1, 3, 64, 32), 9, dtype=torch.uint8)]))
    assert torch.allclose(small[:2].norm(dim=1), torch.ones(2), atol=1e-5) and small.mean(1).abs().max() < 1e-6
    assert small.isfinite().all()
