"""The figures show the data: counts and values of what is drawn, not colours or wording."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from assignment_lib.batches import sampling
from assignment_lib.batches.augmentation import TRANSFORMS
from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.evaluation.attribute_scores import attribute_baselines
from assignment_lib.reporting import plots, tables
from assignment_lib.retrieval import neighbours_agree
from assignment_lib.retrieval.ranking import Ranking
from assignment_lib.training.ablations import BASE
from assignment_lib.training.recipes import recipe

NOISE = torch.randint(256, (6, 3, 16, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
SCORES = {task: {"acc": 0.5, "macc": 0.5} for task in (*TASKS, "average")}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(axes):
    return [text.get_text() for text in axes.texts]


def markers(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def pixels(axes, layer=0):
    return torch.from_numpy(np.array(axes.images[layer].get_array())).permute(2, 0, 1)


def test_the_same_figure_is_the_same_file(tmp_path, make_table):
    for name in ("a", "b"):
        assert plots.save_figure(plots.camera_table(make_table(5, 4)), name, tmp_path / "new").axes
    assert (tmp_path / "new" / "a.png").read_bytes() == (tmp_path / "new" / "b.png").read_bytes()


def test_counts_cameras_and_coverage():
    axes = plots.counts(pd.Series([3, 3, 1]), "t", "x", "y").axes[0]
    assert [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in axes.patches] == [(1, 1), (3, 2)]
    table = pd.DataFrame({"pid": [1, 1, 2, 2, 3], "camera": [1, 1, 1, 2, 2]})
    heights = [[bar.get_height() for bar in axes.patches] for axes in plots.camera_table(table).axes]
    assert heights == [[3, 2], [2, 2]]  # images, people
    axes = plots.coverage(pd.DataFrame({"heuristic": [30, 31], "random": [25, 28]})).axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 4
    assert any("30.5" in text.get_text() for text in axes.get_legend().get_texts())


def test_class_shares_are_on_a_linear_axis(make_table):
    table = make_table(20, 2)
    table.loc[:3, "hat"] = -1
    figure = plots.class_shares(table, tables.report_shares())
    hat = next(axes for axes in figure.axes if axes.get_title() == "hat")
    counts = np.array([(table["hat"] == value).sum() for value in (0, 1)])
    assert [bar.get_width() for bar in hat.patches] == pytest.approx(100 * counts / counts.sum())
    assert hat.get_xscale() == "linear" and [text.split("(")[1] for text in texts(hat)] == [f"{n})" for n in counts]
    equal, report = hat.lines
    assert equal.get_xdata()[0] == 50
    assert report.get_xdata() == pytest.approx([100 / (2 * weight) for weight in (0.5112, 22.8990)])


def test_weights_and_shares_are_pairs_per_class(make_table):
    weights, (first, second) = sampling.class_weights(target_tensor(make_table(30, 2))), tables.report_weights()
    table = sampling.weights_table(before=weights, after=weights * 2, report=first, report_after=second)
    axes = plots.weights_before_after(table, "before", "after", ("report", "report_after")).axes[0]
    drawn = [np.asarray(line.get_xdata()) for line in axes.lines]
    assert drawn[0] == pytest.approx(weights.numpy()) and drawn[1] == pytest.approx(2 * weights.numpy())
    assert drawn[2][34] == pytest.approx(82.4364) and drawn[3][34] == pytest.approx(10.7995)
    assert axes.get_yticklabels()[10].get_text() == "clothes: dress"
    axes = plots.shares_before_after(torch.full((41,), 0.2), torch.full((41,), 0.1), ("before", "after")).axes[0]
    assert [line.get_xdata()[0] for line in axes.lines] == pytest.approx([20, 10, 25])


def test_correlations_without_a_constant_task():
    random = np.random.default_rng(0)
    people = pd.DataFrame({task: random.integers(0, len(classes), 300) for task, classes in TASKS.items()})
    people["hat"] = 0
    figure = plots.correlations(people)
    figure.canvas.draw()
    drawn = texts(figure.axes[0])
    assert len(drawn) == 9 * 8 // 2 - 8 and drawn[0] == f"{people['backpack'].corr(people['bag']):.2f}"
    plots.correlations(pd.DataFrame({task: [0, 0] for task in TASKS})).canvas.draw()


def test_image_sheets_show_images_names_and_frames():
    figure = plots.image_sheet(list(NOISE[:4]), ["x\ny"] * 4, columns=3, title="t", pids=[-1, 0, 12, -2])
    figure.canvas.draw()
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_xlabel() for axes in shown] == ["junk", "distractor", "person 12", "unknown"]
    assert [axes.spines["top"].get_visible() for axes in shown] == [True, True, False, False]
    assert pixels(shown[3]).equal(NOISE[3])


def test_identities_have_a_row_of_all_cameras(make_table):
    table = make_table(20, 3)
    figure = plots.identity_sheet(torch.zeros(60, 3, 16, 8), table, table["pid"].unique()[:3], most=2)
    assert len([axes for axes in figure.axes if axes.images]) == 6
    assert [axes.get_title() for axes in figure.axes[:2]] == ["camera 1", "camera 3"]


def test_rows_of_images_must_be_equally_long():
    figure = plots.image_rows({"above": NOISE[:2], "below": NOISE[2:4]}, "t")
    assert pixels(figure.axes[3]).equal(NOISE[3]) and figure.axes[2].get_ylabel() == "below"
    with pytest.raises(ValueError):
        plots.image_rows({"above": NOISE[:2], "below": NOISE[:3]}, "t")


def test_transforms_are_shown_on_the_least_symmetric_image():
    symmetric = torch.cat([NOISE[:1, ..., :4], NOISE[:1, ..., :4].flip(3)], 3)
    figure = plots.transforms_sheet(torch.cat([symmetric, NOISE[1:2]]))
    first = figure.axes[: len(TRANSFORMS) + 2]
    flip = first[1 + list(TRANSFORMS).index("flip")]
    assert pixels(first[0]).equal(NOISE[1]) and flip.get_title().endswith("50 % of images")
    torch.testing.assert_close(pixels(flip), NOISE[1].flip(2).float() / 255)
    assert len([axes for axes in figure.axes if axes.images]) == 4 * len(first) - 3
    assert pixels(plots.transforms_sheet(NOISE[1:2]).axes[-1]).equal(pixels(figure.axes[-1]))


@pytest.mark.parametrize(
    ("maps", "limits"), [(torch.rand(9, 2, 1), (0, 1)), (torch.tensor([[[-3.0], [1]]] * 9), (-3, 3))]
)
def test_heat_maps_are_interpolated_to_the_image_and_share_a_scale(maps, limits):
    figure = plots.heat_map_sheet(NOISE.repeat(2, 1, 1, 1)[:9], maps, list("abcdefghi"), "t")
    overlays = [axes.images[1] for axes in figure.axes if len(axes.images) == 2]
    expected = F.interpolate(maps[:, None], (16, 8), mode="bilinear", align_corners=False)[:, 0]
    for overlay, values in zip(overlays, expected, strict=True):
        torch.testing.assert_close(torch.tensor(np.array(overlay.get_array())), values)
        assert overlay.get_clim() == limits


def test_attribute_bars_show_scores_report_and_baseline():
    targets = pd.DataFrame({task: np.arange(20) % len(classes) for task, classes in TASKS.items()})
    targets["hat"], targets["age"] = 0, targets["age"] % 3
    table = tables.attribute_table(SCORES, attribute_baselines(targets, targets), "strong")
    figure = plots.attribute_bars(table, "strong")
    axes = figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [50] * 13
    assert markers(axes, "D")[0].get_ydata().tolist() == [macc for _, macc in tables.REPORT_TABLE_1.values()]
    heights = [segment[0][1] for segment in axes.collections[0].get_segments()]
    assert heights == pytest.approx(table["mAcc (chance)"].tolist())
    assert sorted(texts(axes)) == ["1 absent", "1 absent", "2 absent"] + ["50"] * 13
    pale = [bar.get_facecolor() != axes.patches[0].get_facecolor() for bar in axes.patches]
    assert pale.index(True) == list(TASKS).index("hat") and sum(pale) == 1
    assert len(figure.legends[0].get_texts()) == 3


def test_confusions_are_percent_of_the_true_class():
    axes = plots.confusion_matrices({"hat": np.array([[3, 1], [1, 1]])}).axes[0]
    assert texts(axes) == ["75", "25", "50", "50"]
    assert [text.get_position() for text in axes.texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no (4)", "yes (2)"]
    axes = plots.confusion_matrices({"hat": np.array([[999, 1], [0, 0]])}).axes[0]
    assert texts(axes) == ["100"] and "100" in axes.get_title()
    large = np.diag([100] * 9)
    large[0, :2] = [97, 3]
    assert texts(plots.confusion_matrices({"upcolor": large}).axes[0]) == ["97"] + ["100"] * 8


def test_errors_are_shown_with_both_classes():
    columns = ["image", "task", "true", "predicted", "confidence"]
    errors = pd.DataFrame([(4, "hat", "no", "yes", 0.98), (1, "up", "long", "short", 0.9)], columns=columns)
    figure = plots.attribute_errors(NOISE, errors, [1, 0, 2, 3, -1, 5])
    assert pixels(figure.axes[0]).equal(NOISE[4]) and figure.axes[0].get_xlabel() == "junk"
    assert all(word in figure.axes[0].get_title() for word in ("hat: yes", "98", "true: no"))
    with pytest.raises(ValueError, match="no error"):
        plots.attribute_errors(NOISE, errors.head(0), [])


HISTORY = pd.DataFrame({"epoch": [1, 2, 3, 4], "score": [0.1, 0.4, 0.5, 0.2], "loss/pid": [3.0, 2, 1, 1]})
HISTORY = HISTORY.assign(**{"reid/mAP": [0.1, 0.3, 0.5, 0.2], "attributes/average/macc": [0.5, 0.62, 0.6, 0.4]})


def test_training_curves_mark_the_kept_epoch():
    losses, reid, attributes = plots.training_curves(HISTORY).axes
    for axes in (losses, reid, attributes):
        assert next(line for line in axes.lines if line.get_label() == "kept epoch").get_xdata()[0] == 3
        assert axes.patches[0].get_x() == 3 and axes.patches[0].get_width() == 1
    drawn = [axes.lines[0].get_ydata().tolist() for axes in (losses, reid, attributes)]
    assert drawn == [[3, 2, 1, 1], pytest.approx([10, 30, 50, 20]), pytest.approx([50, 62, 60, 40])]
    assert not plots.training_curves(HISTORY.head(3)).axes[0].patches  # no epoch after the kept one


def test_loss_weights_have_a_panel_only_if_they_were_learned():
    fixed = HISTORY.drop(columns="reid/mAP").assign(**{"weight/attributes": 1.0, "weight/pid": 1.0})
    assert len(plots.training_curves(fixed).axes) == 2
    learned = plots.training_curves(fixed.assign(**{"weight/pid": [1, 2, 3, 4]})).axes
    assert len(learned) == 3 and learned[2].lines[1].get_ydata().tolist() == [1, 2, 3, 4]


def runs(**variants):
    """Three seeds of a base at 40, 50 and 60 %, and variants by their differences from it."""
    rows = [
        ("base" if name == BASE else "network", name, seed, 40 + 10 * seed + value, 50.0 + value)
        for name, values in {BASE: (0, 0, 0), **variants}.items()
        for seed, value in enumerate(values)
    ]
    table = pd.DataFrame(rows, columns=["Group", "Variant", "Seed", "mAP", "mAcc"])
    return table.assign(mAcc=table["mAcc"].where(table["Variant"] != "no attributes"))


def test_ablations_show_means_seeds_and_clipped_intervals():
    figure = plots.ablations(runs(good=(1, 1.1, 0.9), bad=(-1, -1.1, -0.9), unclear=(3, -3, 1)), BASE)
    figure.canvas.draw()
    left, right = figure.axes
    assert texts(left) == texts(right) == ["+1.0", "-1.0", "+0.3"]
    dots = markers(left, "o")
    assert [float(dot.get_xdata()[0]) for dot in dots] == pytest.approx([1, -1, 1 / 3])
    assert len({dot.get_color() for dot in dots}) == 3
    assert np.asarray(markers(left, "|")[2].get_xdata()).tolist() == [3, -3, 1]
    assert [label.get_text() for label in left.get_yticklabels()] == ["network", "good", "bad", "unclear"]
    # the interval of `unclear` is 1/3 ± 7.6: both its ends lie outside the panel
    arrows = markers(left, "<") + markers(left, ">")
    assert [int(line.get_ydata()[0]) for line in arrows] == [3, 3]
    assert [line.get_xdata()[0] for line in arrows] == list(left.get_xlim())


def test_networks_from_scratch_have_another_scale():
    scratch = {"one thing": (1, 2, 3), "same backbone from scratch": (-40, -41, -42), "no attributes": (1, 1, 1)}
    figure = plots.ablations(runs(**scratch), BASE)
    above, below = figure.axes[0], figure.axes[2]
    assert [label.get_text() for label in below.get_yticklabels()] == ["network", "same backbone from scratch"]
    assert above.get_xlim()[0] > -5 and below.get_xlim()[0] < -40
    assert texts(figure.axes[1])[-1] == "no such score"
    with pytest.raises(ValueError, match="'other'"):
        plots.ablations(runs(good=(1, 1, 1)), "other")
    with pytest.raises(ValueError, match="at least one other"):
        plots.ablations(runs(), BASE)


QUERY = pd.DataFrame({"pid": [1, 2, 9], "camera": [1, 1, 1]})
GALLERY = pd.DataFrame({"pid": [1, 1, 0, 2, -1, 2], "camera": [1, 2, 2, 2, 2, 3]})
ORDER = torch.tensor([[1, 0, 2, 3, 4, 5], [0, 1, 2, 4, 3, 5], [0, 1, 2, 3, 4, 5]])
RANKING = Ranking(ORDER, torch.linspace(0.9, 0.4, 6).repeat(3, 1))


def test_the_retrieval_grid_marks_matches_by_the_protocol():
    figure = plots.retrieval_grid(RANKING, NOISE[:3], NOISE, QUERY, GALLERY, rows=[0, 1], depth=5)
    first = figure.axes[:6]
    assert [axes.get_title() for axes in first] == ["query", "✓ 0.90", "– 0.80", "✗ 0.70", "✗ 0.60", "– 0.50"]
    assert [axes.get_xlabel() for axes in first[1:4]] == ["person 1", "person 1", "distractor"]
    assert pixels(first[1]).equal(NOISE[1]) and len(figure.axes) == 12
    frames = [axes.spines["top"].get_edgecolor() for axes in first]
    assert frames[2] == frames[5] and len({frames[1], frames[2], frames[3]}) == 3
    assert "gray" in figure.get_supxlabel()
    unknown = QUERY.assign(pid=-1)
    figure = plots.retrieval_grid(RANKING, NOISE[:3], NOISE, unknown, GALLERY.assign(pid=-1), rows=[2], depth=99)
    assert [axes.get_title() for axes in figure.axes][:3] == ["query", "0.90", "0.80"] and len(figure.axes) == 7
    assert not figure.axes[1].spines["top"].get_visible() and not figure.get_supxlabel()


def test_the_worst_query_is_first_with_its_first_match():
    figure = plots.worst_query_grid(RANKING, NOISE[:3], NOISE, QUERY, GALLERY)
    titles = [axes.get_title() for axes in figure.axes]
    # person 2: junk is excluded, the matches are 4th and 5th of five
    assert titles[:3] == ["AP 32 %\nfirst match: 4", "✗ 0.90", "✗ 0.80"] and titles[7] == "✓ 0.50"
    assert titles[8:11] == ["AP 100 %\nfirst match: 1", "✓ 0.90", "– 0.80"] and titles[15:] == ["✓ 0.90"]
    for query, gallery in ((QUERY, GALLERY.assign(pid=-2)), (QUERY.assign(pid=7), GALLERY)):
        with pytest.raises(ValueError, match="no query has a known match"):
            plots.worst_query_grid(RANKING, NOISE, NOISE, query, gallery)


def test_similarities_are_densities_and_counts():
    same, different = np.array([0.5, 0.9, 0.1, 0.8]), np.array([0.1, 0.2, 0.6, 0.0])
    figure = plots.similarity_histogram(same, different, 0.4)
    upper, lower = figure.axes
    assert sum(patch.get_height() for patch in upper.patches) * upper.patches[0].get_width() == pytest.approx(2)
    assert upper.lines[0].get_xdata()[0] == 0.4 and lower.get_yscale() == "log"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "75 %" in labels[0] and "25 %" in labels[1]
    alone = plots.similarity_histogram(same, different[:0], 0.4)  # of one validation person
    assert len(alone.legends[0].get_texts()) == 1


def test_each_decision_rule_has_one_colour_in_all_panels():
    curve = pd.DataFrame({"threshold": [0.1, 0.5], "precision": [0.2, 0.6], "recall": [1.0, 0.7], "f1": [0.3, 0.6]})
    rows = [("fixed", "similarity", 0.3, 0.5, 0.4), ("best F1", "similarity", 0.5, 0.6, 0.7)]
    rows += [("best F1", "reranked", 0.2, 0.8, 0.6)]
    rules = pd.DataFrame(rows, columns=["rule", "score", "threshold", "precision", "recall"])
    left, similarity, reranked = plots.precision_recall({"similarity": curve, "reranked": curve}, rules).axes
    of_curve, fixed, best = markers(left, "o")
    _, best_reranked = markers(left, "s")
    assert of_curve.get_label() == "similarity", "the legend shows the marker of each score"
    assert best.get_xdata()[0] == 0.7 and best_reranked.get_ydata()[0] == 0.8 and fixed.get_ydata()[0] == 0.5
    assert best.get_color() == best_reranked.get_color() != fixed.get_color()
    assert [line.get_xdata()[0] for line in similarity.lines[3:]] == [0.3, 0.5]
    (threshold,) = reranked.lines[3:]
    assert threshold.get_xdata()[0] == 0.2 and threshold.get_color() == best.get_color()


def test_the_embedding_map_has_a_panel_per_label():
    points = np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32)
    labels = {"person": np.arange(24) // 2, "gender": np.arange(24) % 2, "camera": np.full(24, -1)}
    agreement = neighbours_agree(torch.eye(24), labels)
    person, gender, camera = plots.embedding_map(points, labels, agreement).axes
    row = agreement.set_index("Label").loc["gender"]
    assert f"{row['Agree, %']:.0f} %" in gender.get_title() and f"chance {row['Chance, %']:.0f} %" in gender.get_title()
    assert [text.get_text() for text in gender.get_legend().get_texts()] == list(TASKS["gender"])
    assert [len(part.get_offsets()) for part in person.collections] == [4] + [2] * 10  # ten people have colours
    assert camera.get_title() == "camera" and len(camera.collections[0].get_offsets()) == 24


@pytest.mark.parametrize(("settings", "words"), [
    ({}, ["3 × 128 × 64", "1×1 convolution to 128", "focal (γ = 2)", "ImageNet weights", "JointConvNet"]),
    ({"image_size": (256, 128), "head": "fc", "head_hidden": 99}, ["3 × 256 × 128", "linear 99", "JointNet"]),
    ({"head": "parts", "neck": "bn", "frozen_stages": 2}, ["stripes of 128", "BNNeck", "stem and 2 stages"]),
    ({"head": "attention", "pretrained": False, "gamma": 0.0}, ["self-attention", "from scratch", "cross-entropy"]),
])  # fmt: skip
def test_the_architecture_is_that_of_the_recipe(settings, words):
    axes = plots.architecture(recipe("report", **settings), (512, 4, 2), 553, 1234).axes[0]
    drawn = "\n".join(texts(axes))
    for word in (*words, "512 × 4 × 2", "1,234 logits", "41 logits", "+ 41 attribute probabilities"):
        assert word in drawn, word
