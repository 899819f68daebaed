import pytest

from assignment_lib.training import recipes


def test_a_new_threshold_needs_no_new_network():
    recipe = recipes.recipe("report")
    assert recipes.fingerprint(recipe) == recipes.fingerprint(recipes.recipe("report", threshold=0.9))
    assert recipes.fingerprint(recipe) != recipes.fingerprint(recipes.recipe("report", learning_rate=0.1))
    assert recipes.fingerprint(recipe, data="a") != recipes.fingerprint(recipe, data="b")


def test_what_may_change_before_a_run_goes_on():
    longer = recipes.recipe("report", epochs=99, patience=1)
    assert recipes.fingerprint(recipes.recipe("report")) == recipes.fingerprint(longer)
    cosine = [recipes.recipe("report", schedule="cosine", epochs=epochs) for epochs in (9, 10)]
    assert recipes.fingerprint(cosine[0]) != recipes.fingerprint(cosine[1])


def test_unknown_recipe_is_named():
    with pytest.raises(ValueError, match="no recipe is called 'long'; there are smoke, report, strong, market"):
        recipes.recipe("long")


def test_a_field_is_found_in_one_group_only():
    names = [name for group in recipes.GROUPS for name in vars(getattr(recipes.Recipe("x"), group))]
    assert len(set(names)) == len(names) and not {"name", "seed"} & set(names)
    assert set(recipes.flat(recipes.Recipe("x"))) == {"name", "seed", *names}


def test_changes_reach_their_group_and_leave_the_others():
    base = recipes.recipe("report")
    found = recipes.changed(base, backbone="resnet18", seed=3, epochs=2)
    assert (found.model.backbone, found.seed, found.training.epochs) == ("resnet18", 3, 2)
    assert found.data == base.data and found.model.head == base.model.head and base.seed == 0
    with pytest.raises(ValueError, match="a recipe has no field colour; it has name, seed, image_size"):
        recipes.changed(base, colour="red")


def test_a_recipe_comes_back_from_its_fingerprint():
    """Also from one of an earlier version, which knew fewer fields."""
    wanted = recipes.recipe("smoke", image_size=(64, 32), schedule="cosine", seed=4)
    marks = recipes.fingerprint(wanted, data="x", n_pids=7)
    assert recipes.from_fingerprint(marks) == wanted
    del marks["backbone_rate"], marks["ema_decay"]
    assert recipes.from_fingerprint(marks) == wanted
    assert recipes.from_fingerprint({"name": "unheard of", "gamma": 1.0}).objective.gamma == 1.0


def test_report_is_the_report_whatever_was_added():
    """A field that came later must leave the recipes before it as they were."""
    later = {
        "attribute_gradient": 1.0, "logit_adjustment": 0.0, "class_weighting": 1.0, "attribute_scale": 1.0,
        "label_smoothing": 0.0,
    }  # fmt: skip
    for name in ("report", "smoke"):
        fields = recipes.flat(recipes.recipe(name))
        assert {field: fields[field] for field in later} == later


def test_strong_is_a_recipe_of_fields_alone():
    strong, report = recipes.flat(recipes.recipe("strong")), recipes.flat(recipes.recipe("report"))
    assert strong["epochs"] == strong["patience"], "a cosine that stops early has not fallen"
    assert strong["attribute_scale"] == 1 / 12 and strong["schedule"] == "cosine"
    assert set(strong) == set(report)
    assert strong["ablation_epochs"] < strong["epochs"] and strong["ablation_image_size"] < strong["image_size"]
    assert recipes.from_fingerprint(recipes.fingerprint(recipes.recipe("strong"))) == recipes.recipe("strong")


def test_market_is_strong_with_the_settings_of_luo_et_al():
    strong, market = recipes.flat(recipes.recipe("strong")), recipes.flat(recipes.recipe("market"))
    luo = {"image_size": (256, 128), "batch_size": 64, "triplet_margin": 0.3, "triplet_mining": "hard"}
    luo |= {"neck": "bn", "label_smoothing": 0.1, "last_stride": 1, "sampler": "identities", "frozen_stages": -1}
    assert {name: market[name] for name in luo} == luo and market["learning_rate"] == 3.5e-4
    assert market["epochs"] == market["patience"] == 60
    differs = {name for name in strong if strong[name] != market[name]}
    assert differs == {
        "name", "sampler", "last_stride", "frozen_stages", "learning_rate", "warmup_epochs", "epochs", "patience"
    }  # fmt: skip
