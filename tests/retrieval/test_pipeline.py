from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from small_searches import small_search

from assignment_lib import environment
from assignment_lib.environment import Settings
from assignment_lib.evaluation.predictions import join, predict
from assignment_lib.retrieval import pipeline
from assignment_lib.retrieval.reranking import rerank, reranked_scores, with_neighbours
from assignment_lib.training import assembly
from assignment_lib.training.recipes import recipe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def chosen():
    return recipe("smoke", pretrained=False, image_size=(64, 32), junk_filter="none", neighbours="yes")


@pytest.fixture(scope="module")
def network(chosen):
    torch.manual_seed(0)
    return assembly.joint_network(chosen, n_pids=15, attributes=True).eval()


@pytest.fixture
def prepared(few_data, chosen, network, tmp_path, monkeypatch):
    """`prepared(**changes)`: `prepare` with an untrained network and a changed recipe; `lines` holds the log."""
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path))
    lines = []

    def run(data=few_data, **changes):
        options = replace(
            chosen,
            data=replace(chosen.data, **{name: changes.pop(name) for name in ("distractors",) if name in changes}),
            retrieval=replace(chosen.retrieval, **changes),
        )
        monkeypatch.setattr(assembly, "train_if_missing", lambda *_: (network, options))
        return pipeline.prepare(data, Settings(), CPU, lines.append)

    run.lines = lines
    return run


def test_prepared_images_and_scores(few_data, prepared, monkeypatch):
    result = prepared()
    queries, images = len(few_data.query), len(few_data.gallery)
    assert result.query_images.shape == (queries, 3, 64, 32) and result.gallery_images.dtype == torch.uint8
    assert result.similarity.shape == result.reranked.shape == (queries, images)
    assert result.reranked.min() > -1e-4 and result.reranked.max() < 1 + 1e-4 and result.keep is None
    torch.testing.assert_close(result.similarity, result.query.embeddings @ result.gallery.embeddings.T)
    assert set(result.thresholds) == {"similarity", "reranked"} and np.isfinite(list(result.thresholds.values())).all()
    assert result.known and (result.gallery_table["pid"] >= -1).all() and "hat" in result.gallery_table
    assert len(result.search.gallery_ids) == len(result.validation_table) + images
    torch.testing.assert_close(result.query.probabilities["age"].sum(1), torch.ones(queries))

    monkeypatch.setattr(pipeline, "predict", None)  # the second time, predictions are read from the cache
    again = prepared()
    assert torch.equal(again.similarity, result.similarity) and again.thresholds == result.thresholds


def test_anonymous_test_identities(few_data, prepared, monkeypatch):
    monkeypatch.setattr(pipeline, "with_test_truth", lambda data: data)
    result = prepared()
    assert not result.known and (result.query_table["pid"] == -1).all() and "hat" not in result.query_table


def test_without_distractors(prepared):
    result = prepared(distractors="none")
    assert len(result.search.gallery_ids) == len(result.validation_table)


def test_the_junk_filter_keeps_copies_of_queries(few_data, prepared, monkeypatch):
    removed = torch.tensor([0, 2, 5])
    monkeypatch.setattr(pipeline, "find_query_copies", lambda data: torch.arange(len(data.query)).clamp(max=2))
    monkeypatch.setattr(
        pipeline.junk,
        "shows_person",
        lambda images, *_: torch.ones(len(images), dtype=torch.bool).scatter(0, removed, False),
    )
    result = prepared(junk_filter="imagenet")
    assert (~result.keep).nonzero()[:, 0].tolist() == [5]
    assert (result.reranked[:, 5] == 0).all()
    own = torch.arange(len(few_data.query)).clamp(max=2)
    expected = reranked_scores(result.query.embeddings, result.gallery.embeddings[result.keep], own)
    torch.testing.assert_close(result.reranked[:, result.keep], expected)


def test_a_query_and_its_copy_are_one_image_among_the_neighbours(few_data, prepared, monkeypatch):
    plain = prepared(neighbours="no")
    copies = torch.full((len(few_data.query),), -1)
    copies[1] = 4
    monkeypatch.setattr(pipeline, "find_query_copies", lambda data: copies)
    result = prepared()
    together = with_neighbours(join(plain.query.rows(copies < 0), plain.gallery))
    new = len(copies) - 1
    for task, values in together.probabilities.items():
        assert torch.equal(result.gallery.probabilities[task], values[new:])
        assert torch.equal(result.query.probabilities[task][1], values[new + 4])
        assert torch.equal(result.query.probabilities[task][copies < 0], values[:new])
    assert torch.equal(result.query.embeddings, plain.query.embeddings)


def test_adaptation_continues_from_round_to_round(prepared, network, few_data, monkeypatch):
    calls = []

    def adapt(network, recipe, split, table, images, predictions, folder, device, log):
        calls.append(folder.name)
        count = len(split.validation) + len(few_data.gallery)
        assert len(table) == sum(len(part) for part in images) == len(predictions.embeddings) == count
        return network

    monkeypatch.setattr(pipeline.adaptation, "adapt", adapt)
    plain, adapted = prepared(), prepared(adaptation_rounds=2)
    assert [name.split("-")[0] for name in calls] == ["adapted1", "adapted2"]
    torch.testing.assert_close(adapted.similarity, plain.similarity)


def test_published_weights_replace_the_training(few_data, network, chosen, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path))
    monkeypatch.setenv("ASSIGNMENT_WEIGHTS", "published")
    published = assembly.Published(network, replace(chosen, seed=3), {})
    monkeypatch.setattr(assembly, "published", lambda name: published)
    result = pipeline.prepare(few_data, Settings(recipe="smoke"), CPU, lambda line: None)
    assert result.network is network and result.query_images.shape[2:] == network.image_size
    assert result.recipe.data == chosen.data and result.recipe.seed == 3
    assert (tmp_path / "synthetic-smoke-published").is_dir()


def test_data_without_queries(few_data):
    with pytest.raises(environment.SkipNotebook, match="no queries"):
        pipeline.prepare(replace(few_data, query=few_data.query[:0]), Settings())


def test_a_search_without_a_valid_query_takes_the_fixed_threshold():
    lines = []
    search = small_search(people=3, images=1)
    assert pipeline.choose_thresholds(search, 0.3, lines.append) == {"similarity": 0.3, "reranked": 0.3}
    assert "fixed threshold 0.3" in lines[0]
    assert not lines[1:]


def test_a_query_counts_once_in_the_search():
    search = small_search(people=5, images=3, distractors=20)
    scores = pipeline.pair_scores(search)
    own = torch.arange(15)
    torch.testing.assert_close(scores["reranked"], 1 - rerank(search.query, search.gallery, own=own))
    torch.testing.assert_close(scores["similarity"], search.query @ search.gallery.T)
    apart = search._replace(gallery=search.gallery[15:], gallery_ids=search.gallery_ids[15:])
    torch.testing.assert_close(pipeline.pair_scores(apart)["reranked"], 1 - rerank(search.query, search.gallery[15:]))


def test_cached_predictions_belong_to_weights_images_and_order(network, tmp_path, monkeypatch):
    images = torch.randint(0, 256, (5, 3, 64, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    path, calls = tmp_path / "new" / "predictions.pt", []

    def counted(*arguments, **options):
        calls.append(1)
        return predict(*arguments, **options)

    monkeypatch.setattr(pipeline, "predict", counted)
    first = pipeline.cached_predictions(network, images, path)
    again = pipeline.cached_predictions(network, images, path)
    assert len(calls) == 1 and torch.equal(again.embeddings, first.embeddings)
    assert torch.equal(again.probabilities["hat"], first.probabilities["hat"])
    # the same images in another order have the same number and the same sum of pixels
    torch.testing.assert_close(
        pipeline.cached_predictions(network, images.flip(0), path).embeddings, first.embeddings.flip(0)
    )
    assert len(calls) == 2
    path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(pipeline.cached_predictions(network, images, path).embeddings, first.embeddings)
    weight = next(network.parameters())
    with torch.no_grad():
        weight += 1
        pipeline.cached_predictions(network, images, path)
        weight -= 1
    assert len(calls) == 4 and [file.name for file in path.parent.iterdir()] == [path.name]


def test_copies_of_queries_are_found_by_content(tmp_path, few_data):
    def table(**files):
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        return pd.DataFrame({"path": [tmp_path / name for name in files]})

    data = replace(
        few_data,
        query=table(q1=b"same", q2=b"else", q3=b"longer", q4=b"same"),
        gallery=table(g1=b"diff", g2=b"same", g3=b"longest", g4=b"same"),
    )
    assert pipeline.find_query_copies(data).tolist() == [1, -1, -1, 1]
