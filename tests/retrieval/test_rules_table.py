import numpy as np
import pytest
from small_searches import search

from assignment_lib.evaluation.list_scores import list_scores
from assignment_lib.retrieval.decisions import RULES, Wanted, apply_rule, fit_rule, learn
from assignment_lib.retrieval.rules_table import FIGURES, cross_fitted, rules_table


def test_every_rule_on_the_search_and_on_the_test():
    learned, test = learn(search(people=20, images=4, crowd=100)), search(people=10, images=4, crowd=60, seed=1)
    table = rules_table(learned, Wanted(precision=0.5), test).set_index("rule")
    assert list(table.index) == list(RULES)
    assert table[[*FIGURES, *(f"test {name}" for name in FIGURES)]].notna().all(axis=None)
    found = apply_rule(fit_rule("z-norm", learned), test.query, test.gallery, learned.model)
    scores = list_scores(found, *test[2:])
    assert table.loc["z-norm", "test f1"] == scores["f1"] and table.loc["z-norm", "test length"] == scores["length"]
    # a fixed threshold learns nothing: the same as without folds, the own images left out by the protocol
    found = apply_rule(fit_rule("fixed", learned), *learned.search[:2])
    assert table.loc["fixed", "f1"] == pytest.approx(list_scores(found, *learned.search[2:])["f1"])
    assert set(rules_table(learned, Wanted(precision=1.0), None)["rule"]) >= set(RULES) - {"precision"}


def test_a_rule_sees_other_people_than_it_is_judged_by():
    learned = learn(search(people=6, images=3, crowd=20))
    seen = []

    def fit(among):
        seen.append(among)
        return fit_rule("f1", learned, among=among)

    scores = cross_fitted(learned, fit)
    assert set(scores) == set(FIGURES) and len(seen) == learned.fold.max() + 1
    assert all(number not in among and len(among) == len(seen) - 1 for number, among in enumerate(seen))


def test_one_person_has_one_row():
    learned = learn(search(people=1, images=3, crowd=10))
    table = rules_table(learned)
    assert list(table["rule"]) == ["fixed"] and np.isfinite(table["f1"][0])
    with pytest.raises(ValueError, match="one person alone is found again"):
        cross_fitted(learned, lambda among: fit_rule("f1", learned, among=among))
