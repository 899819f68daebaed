import numpy as np
import pandas as pd
import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting import plots
from assignment_lib.retrieval.embedding_map import neighbours_agree


def test_a_panel_a_label_with_the_agreement_beside_chance():
    places = np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32)
    labels = {"person": np.arange(24) // 2, "gender": np.arange(24) % 2, "camera": np.full(24, -1)}
    agreement = neighbours_agree(torch.eye(24), {name: labels[name] for name in ("person", "gender")})
    person, gender, camera = plots.embedding_map(places, labels, agreement).axes
    row = agreement.set_index("Label").loc["gender"]
    assert gender.get_title() == (
        f"gender: the nearest image agrees\nin {row['Agree, %']:.0f} %, chance {row['Chance, %']:.0f} %"
    )
    assert [text.get_text() for text in gender.get_legend().get_texts()] == list(TASKS["gender"])
    assert person.get_title().startswith("person (12 different): ") and len(person.texts) == 10
    drawn = [len(part.get_offsets()) for part in person.collections]
    assert drawn == [4] + [2] * 10, "the two people who have no colour of their own are gray"
    assert camera.get_title() == "camera" and len(camera.collections[0].get_offsets()) == 24


def test_without_agreement_nothing_is_claimed():
    table = pd.DataFrame({"Label": ["camera"], "Agree, %": [np.nan], "Chance, %": [np.nan], "Images": [0]})
    axes = plots.embedding_map(np.zeros((4, 2)), {"camera": np.array([1, 1, 2, 2])}, table).axes[0]
    assert axes.get_title() == "camera"
