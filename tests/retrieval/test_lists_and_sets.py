import pytest
from small_searches import search

from assignment_lib.evaluation.list_scores import list_scores
from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.retrieval.decisions import learn, listed
from assignment_lib.retrieval.lists_and_sets import examiner_list, list_rule, people_set, set_rule


@pytest.fixture(scope="module")
def learned():
    return learn(search(people=25, images=4, crowd=120, noise=0.8))


def test_the_list_keeps_the_map_in_few_images(learned):
    of = learned.search
    choice = list_rule(learned)
    assert choice.reached and choice.expected["length"] <= 50
    assert choice.expected["mAP"] >= 0.98 * choice.reference >= 0.98 * reid_scores(*of).mAP - 1e-9
    shorter = list_rule(learned, share=0.9)
    assert shorter.expected["length"] < choice.expected["length"]
    none = list_rule(learned, share=1.0, most=2)
    assert not none.reached and none.expected["length"] <= 2 and "none of at most 2 images" in none.saying
    assert none.expected["mAP"] > list_rule(learned, share=1.0, most=1).expected["mAP"]
    with pytest.raises(ValueError, match="ask for at least 1"):
        list_rule(learned, most=0.0001)


def test_what_is_expected_is_what_the_rule_gives(learned):
    for choice in (list_rule(learned), list_rule(learned, most=3)):
        found = listed(learned.scores[choice.rule.score], choice.rule.cut, choice.rule.cap)
        scores = list_scores(found, *learned.search[2:])
        for name in ("mAP", "precision", "recall", "f1", "rank1"):
            assert scores[name] == pytest.approx(choice.expected[name])


def test_the_set_is_nearly_as_good_as_the_best_threshold(learned):
    choice = set_rule(learned)
    assert choice.reached and choice.expected["f1"] >= 0.9 * choice.reference
    precise = set_rule(learned, precision=0.6)
    assert precise.reached == (precise.expected["precision"] >= 0.6)
    assert precise.expected["precision"] > choice.expected["precision"]
    for wrong in (0, 90):
        with pytest.raises(ValueError, match="not between 0 and 1"):
            set_rule(learned, precision=wrong)


def test_both_answers_for_other_people(learned):
    test = search(people=10, images=4, crowd=80, noise=0.8, seed=5)
    lists, sets = examiner_list(learned, test.query, test.gallery), people_set(learned, test.query, test.gallery)
    assert sum(map(len, lists.found)) <= 50 * len(test.query) and len(sets.found) == len(test.query)
    assert sets.empty == sum(len(found) == 0 for found in sets.found)
    few = examiner_list(learned, test.query, test.gallery, most=3)
    assert sum(map(len, few.found)) <= 3 * len(test.query)
    scores = [list_scores(answer.found, *test[2:]) for answer in (lists, sets)]
    assert scores[0]["mAP"] > scores[1]["mAP"] and scores[0]["precision"] < scores[1]["precision"]


def test_one_person_alone_has_a_threshold():
    learned = learn(search(people=1, images=3, crowd=10))
    assert set_rule(learned).rule.score == "similarity"
    assert len(people_set(learned, *learned.search[:2]).found) == 3
    assert len(examiner_list(learned, *learned.search[:2]).found) == 3


def test_a_precision_out_of_reach():
    with pytest.raises(ValueError, match=r"no rule reaches a precision of 1\.0"):
        set_rule(learn(search(people=8, images=2, crowd=300, noise=3.0, size=3)), precision=1.0)
