import pytest

from assignment_lib.training import recipes


def test_settings_that_a_trained_network_does_not_depend_on():
    recipe = recipes.recipe("report")
    for free in ({"threshold": 0.9}, {"epochs": 99, "patience": 1}, {"ablation_epochs": 9}):
        assert recipes.fingerprint(recipe) == recipes.fingerprint(recipes.recipe("report", **free))
    assert recipes.fingerprint(recipe) != recipes.fingerprint(recipes.recipe("report", learning_rate=0.1))
    assert recipes.fingerprint(recipe, data="a") != recipes.fingerprint(recipe, data="b")
    cosine = [recipes.recipe("report", schedule="cosine", epochs=epochs) for epochs in (9, 10)]
    assert recipes.fingerprint(cosine[0]) != recipes.fingerprint(cosine[1])


def test_an_unknown_recipe_is_named():
    with pytest.raises(ValueError, match=r"'market'.*smoke, report, strong, adapted"):
        recipes.recipe("market")


def test_a_field_name_occurs_in_one_group_only():
    names = [name for group in recipes.GROUPS for name in vars(getattr(recipes.Recipe("x"), group))]
    assert len(set(names)) == len(names) and not {"name", "seed"} & set(names)
    assert set(recipes.flat(recipes.Recipe("x"))) == {"name", "seed", *names}


def test_changes_reach_their_group_and_leave_the_others():
    base = recipes.recipe("report")
    recipe = recipes.changed(base, backbone="resnet18", seed=3, epochs=2)
    assert (recipe.model.backbone, recipe.seed, recipe.training.epochs) == ("resnet18", 3, 2)
    assert recipe.data == base.data and recipe.model.head == base.model.head and base.seed == 0
    with pytest.raises(ValueError, match="no field colour"):
        recipes.changed(base, colour="red")


def test_a_recipe_is_restored_from_its_fingerprint():
    for wanted in (recipes.recipe("smoke", image_size=(64, 32), schedule="cosine", seed=4), recipes.recipe("strong")):
        assert recipes.from_fingerprint(recipes.fingerprint(wanted, data="x", n_pids=7)) == wanted
    assert recipes.from_fingerprint({"name": "unknown", "gamma": 1.0}).objective.gamma == 1.0
