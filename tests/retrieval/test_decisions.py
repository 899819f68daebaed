import numpy as np
import pytest
import torch
from small_searches import search

from assignment_lib.evaluation.list_scores import list_scores
from assignment_lib.retrieval import decisions
from assignment_lib.retrieval.decisions import Rule, Wanted, apply_rule, fit_rule, learn
from assignment_lib.retrieval.pair_scores import gallery_side, similarity_blocks
from assignment_lib.retrieval.same_person_probability import candidates


@pytest.fixture(scope="module")
def learned():
    return learn(search(people=20, images=4, crowd=100))


def test_every_rule_learned_and_applied(learned):
    others = search(people=10, images=4, crowd=60, seed=1)
    for name in decisions.RULES:
        rule = fit_rule(name, learned, Wanted(precision=0.5))
        found = apply_rule(rule, others.query, others.gallery, learned.model)
        assert len(found) == 40 and all(len(set(places.tolist())) == len(places) for places in found)
        assert list_scores(found, *others[2:])["f1"] > (0 if name == "sure" else 0.1)


def test_what_is_applied_is_what_was_learned(learned):
    """A query apart from the gallery sees what it sees from inside, so that its scores are nearly the same."""
    of = learned.search
    apart = torch.cat([of.gallery[1:]])
    for kind, margin in (("similarity", 1e-5), ("z-norm", 1e-3), ("mutual", 1e-5), ("s-norm", 0.05)):
        scores = next(decisions.score_blocks(kind, of.query[:1], apart))
        assert (scores[0] - learned.scores[kind][0, 1:]).abs().max() < margin, kind


def test_a_rule_of_mutual_neighbours(learned):
    of = search(people=5, images=3, crowd=20, seed=3)
    similarity = of.query[:4] @ of.gallery[4:].T
    found = apply_rule(Rule("mutual", "mutual", -2.0), of.query[:4], of.gallery[4:])
    everything = torch.cat([of.query[:4], of.gallery[4:]])
    near = everything @ everything.T - 2 * torch.eye(len(everything))
    for i, places in enumerate(found):
        mutual = [
            j for j in range(similarity.shape[1])
            if (similarity[i] > similarity[i, j]).sum() < 2 and (near[4 + j] > near[4 + j, i]).sum() < 2
        ]  # fmt: skip
        assert sorted(places.tolist()) == mutual
        assert places.tolist() == sorted(mutual, key=lambda j: -similarity[i, j])


def test_no_more_images_than_allowed(learned):
    of = learned.search
    every = Rule("any", "similarity", -2.0)
    assert [len(places) for places in apply_rule(every, of.query, of.gallery)] == [len(of.gallery)] * len(of.query)
    assert max(len(p) for p in apply_rule(Rule("any", "similarity", -2.0, cap=3), of.query, of.gallery)) == 3
    few = apply_rule(every, of.query, of.gallery, most=7.5)
    assert 7 < np.mean([len(places) for places in few]) <= 7.5
    similarity = of.query @ of.gallery.T
    worst = min(float(similarity[i, places[-1]]) for i, places in enumerate(few) if len(places))
    assert (similarity > worst + 1e-6).sum() <= 7.5 * len(of.query)
    assert apply_rule(every, of.query[:0], of.gallery) == []


def test_a_fold_is_not_told_its_own_answers(learned):
    """The probabilities of a fold's people are the same whatever the truth about them is."""
    of, known = learned.search, learned.truth
    side = gallery_side(of.query, of.gallery, known.own)
    found = candidates(next(similarity_blocks(of.query, of.gallery, known.own)), side)
    mine = torch.as_tensor(learned.fold == 0)
    right = known.right.clone()
    right[mine] = right[mine].flip(1)
    again, _ = decisions._probabilities(found, known._replace(right=right), learned.fold)
    torch.testing.assert_close(again[mine], learned.scores["probability"][mine])
    assert not torch.allclose(again[~mine], learned.scores["probability"][~mine])


def test_expanded_and_reranked(learned):
    of = learned.search
    expanded, reranked = learn(of, "query expansion"), learn(of, "re-ranking")
    assert "re-ranking" in reranked.scores and "re-ranking" not in expanded.scores
    rule = fit_rule("f1", expanded)
    assert rule.expanded and not fit_rule("f1", learned).expanded
    assert not torch.equal(expanded.scores["similarity"], learned.scores["similarity"])
    own = torch.arange(len(of.query))
    for values in (*expanded.scores.values(), *reranked.scores.values()):
        assert (values[own, learned.truth.own] == -torch.inf).all()
    assert len(apply_rule(Rule("list", "re-ranking", 0.5), of.query, of.gallery)) == len(of.query)


def test_one_person_alone():
    learned = learn(search(people=1, images=3, crowd=10))
    assert learned.model is None and "probability" not in learned.scores
    with pytest.raises(ValueError, match="needs two people who are found again"):
        fit_rule("sure", learned)
    with pytest.raises(ValueError, match="no probability of the same person was learned"):
        apply_rule(Rule("sure", "probability", 0.8), *learned.search[:2])
    with pytest.raises(ValueError, match="no query has a true match"):
        learn(search(people=3, images=1))
