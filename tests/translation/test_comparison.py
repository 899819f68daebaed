"""Compared trainings differ in the people that are added, and scores of other settings are measured again."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from assignment_lib import dataset, environment
from assignment_lib.data.split import pid_labels
from assignment_lib.training import assembly, commands, recipes
from assignment_lib.translation import added_people, comparison, translator
from assignment_lib.translation.added_people import ADDED, NOTHING, VARIANTS
from assignment_lib.translation.translator import TranslatorSettings

CPU = torch.device("cpu")
TINY = TranslatorSettings(epochs=1, steps=2, pairs=2, blocks=1, amp="off")
BUDGET = {"ablation_epochs": 1, "ablation_image_size": (64, 32), "batch_size": 16, "backbone": "mobilenetv3_small_050"}


@pytest.fixture(scope="module")
def recipe():
    return comparison.short(recipes.recipe("smoke", pretrained=False, amp="off", **BUDGET), epochs=1)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    return added_people.drawn_people(tmp_path_factory.mktemp("others") / "drawn", identities=12, progress=False)


@pytest.fixture(scope="module")
def material(few_data, others, recipe, tmp_path_factory):
    split, folder = assembly.decoded_split(few_data, recipe), tmp_path_factory.mktemp("translator")
    return added_people.prepare_material(split, others, folder, CPU, TINY)


def test_what_each_variant_trains_on(material, recipe):
    assert set(material.others["camera"]) == {7, 8, 9} and max(material.split.train["camera"]) < 7
    splits = {variant: material.prepared(variant) for variant in VARIANTS}
    assert splits[NOTHING] is material.split
    own, steps, fingerprints = len(material.split.train), set(), set()
    for variant, split in splits.items():
        training = assembly.joint(split, recipe, CPU)
        steps.add(len(training.batches.draw()) // 16)
        fingerprints.add(json.dumps(training.fingerprint, sort_keys=True))
        if variant != NOTHING:
            assert torch.equal(split.train_images[:own], material.split.train_images)
            people = material.split.train["pid"].nunique() + material.others["pid"].nunique()
            assert pid_labels(split.train).max() + 1 == people
            assert set(split.train["pid"]).isdisjoint(split.validation["pid"])
    assert steps == {own // 16}, "all variants take as many full batches"
    assert len(fingerprints) == len(VARIANTS), "no variant resumes the training of another"
    plain, matched, repainted = (splits[variant].train_images for variant in ADDED)
    assert not torch.equal(plain, matched) and not torch.equal(matched, repainted)


def test_a_translator_with_other_settings_is_trained_again(material, others, tmp_path, capsys):
    settings = (TINY, TINY, replace(TINY, contrast=1.0))
    first, second, third = (
        added_people.prepare_material(material.split, others, tmp_path, CPU, each) for each in settings
    )
    assert torch.equal(first.network.last.weight, second.network.last.weight)
    assert not torch.equal(first.network.last.weight, third.network.last.weight)
    assert first.fingerprints[ADDED[2]] != third.fingerprints[ADDED[2]]
    assert first.fingerprints[ADDED[0]] == third.fingerprints[ADDED[0]]
    assert "contrast" in capsys.readouterr().out


def test_scores_are_read_only_if_settings_and_data_are_the_same(material, recipe, tmp_path, monkeypatch, capsys):
    measured = []
    monkeypatch.setattr(comparison, "measure", lambda variant, *_: measured.append(variant) or {"mAP": len(measured)})

    def compare(material, recipe):
        measured.clear()
        comparison.compare(material, recipe, tmp_path, CPU, [0])
        return measured, capsys.readouterr().out

    everything = list(VARIANTS)
    assert compare(material, recipe) == (everything, "") and compare(material, recipe) == ([], "")
    for changes in ({"dropout": 0.25}, {"epochs": 2}):
        again, printed = compare(material, recipes.changed(recipe, **changes))
        assert again == everything and "other settings or data" in printed
    compare(material, recipe)
    fingerprints = material.fingerprints | {ADDED[2]: "another translator"}
    again, printed = compare(material._replace(fingerprints=fingerprints), recipe)
    assert again == [ADDED[2]] and "other settings or data" in printed
    compare(material, recipe)
    (comparison.training_folder(tmp_path, NOTHING, 0) / "scores.json").write_text("{")
    assert compare(material, recipe)[0] == [NOTHING] and compare(material, recipe)[0] == []


@pytest.mark.slow
def test_compare_trains_each_variant_once(material, recipe, tmp_path, monkeypatch):
    variants = (NOTHING, ADDED[0])
    monkeypatch.setattr(comparison, "VARIANTS", variants)
    runs = comparison.compare(material, recipe, tmp_path, CPU, [0, 1])
    assert runs["Variant"].tolist() == [*variants, *variants] and runs["Seed"].tolist() == [0, 0, 1, 1]
    assert runs["Group"].tolist() == 2 * ["base", "another data set"] and set(runs["Epochs"]) == {1}
    assert np.isfinite(runs[["mAP", "mAcc", "Acc", "rank-1"]]).all(axis=None)
    network, trained = assembly.trained_network(comparison.training_folder(tmp_path, NOTHING, 0))
    assert not network.training and trained.data.image_size == recipe.data.image_size
    monkeypatch.setattr(comparison, "measure", None)  # would fail
    again = comparison.compare(material, recipe, tmp_path, CPU, [1])
    assert again["mAP"].tolist() == runs["mAP"].tolist()[2:]


@pytest.mark.slow
def test_the_command_with_default_arguments(few_data, others, no_settings, monkeypatch, capsys):
    """In a fresh clone: `dataset.load` draws the missing data, and both data sets are named by their defaults."""
    small, loaded, drawn = recipes.recipe("smoke", **BUDGET), [], []
    monkeypatch.setitem(recipes.RECIPES, "smoke", small)
    monkeypatch.setattr(recipes, "from_settings", lambda settings: recipes.changed(small, pretrained=False))
    monkeypatch.setattr(dataset, "load", lambda name: loaded.append(name) or few_data)
    monkeypatch.setattr(added_people, "drawn_people", lambda folder: drawn.append(folder) or others)
    monkeypatch.setattr(translator, "settings_for", lambda device: TINY)
    monkeypatch.setattr(comparison, "measure", lambda variant, *_: {"mAP": 12.5})
    assert commands.main(["translation"]) == 0
    assert loaded == ["synthetic"] and drawn == [environment.DATA_FOLDER / "others"]
    printed = capsys.readouterr().out
    assert all(printed.count(variant) == 5 for variant in ADDED)
    monkeypatch.setenv("ASSIGNMENT_OTHERS", "my crops.zip")  # make translation OTHERS=…
    assert commands.main(["translation"]) == 0
    assert loaded == ["synthetic", "synthetic", "my crops.zip"] and len(drawn) == 1
    folder = environment.Settings().training_folder("translation")
    assert len(list(folder.glob("*/scores.json"))) == 5 * len(VARIANTS) and (folder / "translator" / "best.pt").exists()
