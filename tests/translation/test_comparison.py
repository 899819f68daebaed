"""Trainings that are compared differ in what they are shown, and in nothing else."""

import json

import numpy as np
import pytest
import torch

from assignment_lib.data.split import pid_labels
from assignment_lib.training import assembly, recipes
from assignment_lib.translation import comparison, elsewhere, translator, variants

CPU = torch.device("cpu")
SMALL = {"pretrained": False, "backbone": "mobilenetv3_small_050", "amp": "off"}


@pytest.fixture(scope="module")
def own():
    recipe = comparison.short(recipes.recipe("smoke", **SMALL), epochs=1)
    return recipes.changed(recipe, image_size=(64, 32), batch_size=16)


@pytest.fixture(scope="module")
def material(few_data, own, tmp_path_factory):
    folder = tmp_path_factory.mktemp("translation")
    others = elsewhere.elsewhere(folder / "elsewhere", identities=12, progress=False)
    how = translator.Settings(epochs=1, steps=2, pairs=2, blocks=1, amp="off")
    split = assembly.decoded_split(few_data, own)
    return variants.material(split, others, folder / "translator", CPU, how, lambda line: None)


def test_the_other_data_set_has_other_people_and_cameras(material, few_data):
    assert set(material.others["camera"]) == {7, 8, 9}
    assert set(material.cameras) <= set(range(1, 7))
    wanted = variants.drawn_cameras(material)
    assert len(wanted) == len(material.images) and wanted.max() < len(material.cameras)


@pytest.mark.parametrize("variant", (*variants.VARIANTS, *variants.LONG_VARIANTS))
def test_what_each_variant_trains_on(material, variant):
    split, found = material.split, variants.prepared(variant, material)
    assert found.validation is split.validation and found.crowd_images is split.crowd_images
    assert torch.equal(found.train_images[: len(split.train)], split.train_images)
    sources = found.train.get("source", found.train["pid"].map(lambda pid: "labelled")).value_counts().to_dict()
    wanted = {"labelled": len(split.train)}
    if variant in variants.ADDED:
        wanted |= {"added": len(material.others)}
        assert pid_labels(found.train).max() + 1 == split.train["pid"].nunique() + material.others["pid"].nunique()
    if variant in variants.STYLED:
        wanted |= {"styled": 2 * len(split.train)}
        assert found.train["pid"].nunique() == split.train["pid"].nunique()
    assert sources == wanted
    assert set(found.train["pid"]).isdisjoint(split.validation["pid"])


def test_the_three_ways_to_add_differ(material):
    images = [variants.prepared(variant, material).train_images.float() for variant in variants.ADDED]
    assert not torch.equal(images[0], images[1]) and not torch.equal(images[1], images[2])
    with pytest.raises(ValueError, match="the variants are nothing, added as they are"):
        variants.prepared("bought", material)


def test_added_and_not_added_trainings_take_as_many_steps(material, own):
    steps, marks = set(), []
    for variant in variants.VARIANTS:
        training = assembly.joint(variants.prepared(variant, material), own, CPU)
        steps.add(len(training.batches.draw()) // own.training.batch_size)
        marks.append(json.dumps(training.fingerprint, sort_keys=True))
    assert steps == {len(material.split.train) // own.training.batch_size}
    assert len(set(marks)) == len(marks), "two variants would go on with each other's checkpoints"


@pytest.mark.slow
def test_compare_trains_once_and_reads_afterwards(material, own, few_data, tmp_path, monkeypatch):
    chosen, said = (variants.NOTHING, variants.ADDED[0], variants.STYLED[0]), []
    runs = comparison.compare(material, own, few_data, tmp_path, CPU, [0, 1], chosen, said.append)
    assert runs["Variant"].tolist() == [*chosen, *chosen] and runs["Seed"].tolist() == [0, 0, 0, 1, 1, 1]
    assert set(runs["Group"]) == {"base", "another data set", "other cameras"} and len(said) == 6
    assert np.isfinite(runs[["mAP", "mAcc", "Acc", "rank-1"]]).all(axis=None)
    monkeypatch.setattr(comparison, "measure", None)  # would fail
    again = comparison.compare(material, own, few_data, tmp_path, CPU, [1], chosen[:2], said.append)
    assert again["mAP"].tolist() == runs["mAP"].tolist()[3:5] and len(said) == 6


@pytest.mark.slow
def test_clusters_go_on_with_what_nothing_left(material, own, few_data, tmp_path):
    alike = recipes.changed(own, adapt_epochs=1, adapt_similarity=0.9, adapt_images=1000)
    chosen = (variants.NOTHING, *variants.LONG_VARIANTS)
    runs = comparison.compare(material, alike, few_data, tmp_path, CPU, [0], chosen, lambda line: None)
    assert runs["Group"].tolist() == ["base", "longer", "longer"]
    finished = tmp_path / comparison.folder_name(variants.LONGER, 0) / "finished.txt"
    assert finished.read_text().startswith("2 epochs")
    assert (tmp_path / f"{comparison.folder_name(variants.NOTHING, 0)}-adapted" / "best.pt").exists()
