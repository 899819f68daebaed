"""What README.md, CONTRIBUTING.md and docs/ name is there, and README.md's code runs."""

import pydoc
import re

import pytest
import torch
from documents import README, blocks
from library import LIBRARY, ROOMS, modules

from assignment_lib.environment import PROJECT_ROOT
from assignment_lib.training import checkpoints, parts, recipes

DOCUMENTS = [
    PROJECT_ROOT / "README.md",
    PROJECT_ROOT / "CONTRIBUTING.md",
    *sorted((PROJECT_ROOT / "docs").glob("*.md")),
]
by_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
#: Where the documents speak of files that a user has or a run writes.
MADE_BY_USE = (
    "runs/", "data/Market", "data/course", "data/synthetic", "path/to", "people/", "student/", "train/", "test/", "queries/",
)  # fmt: skip


def spans(text):
    """What stands in `backticks` in the running text."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


def named_paths(text):
    """Spans that are a path: with a slash, or the name of a module, a document or a notebook."""
    return [s for s in spans(text) if re.fullmatch(r"[\w.-]+(/[\w.-]*)+|[\w.-]+\.(py|md|ipynb|toml)", s)]


def exists(dotted):
    """Whether a name such as `split.split_table` or `data.split` is there, in one of the modules called like its beginning."""
    for module in modules():
        for start in range(module.count(".") + 1):
            short = ".".join(module.split(".")[start:])
            if f"{dotted}.".startswith(f"{short}.") and pydoc.locate(module + dotted.removeprefix(short)) is not None:
                return True
    return False


@by_document
def test_links_lead_somewhere(document):
    text = document.read_text()
    headings = {
        re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("http"):
            assert (document.parent / target).exists(), target


@by_document
def test_paths_are_there(document):
    # in the table of rooms, the modules of a row are those of its room
    rooms = re.findall(r"^\| `(\w+)/` \|.*\| (.*) \|$", document.read_text(), re.MULTILINE)
    in_rooms = {(room, name) for room, names in rooms if room in ROOMS for name in spans(names)}
    for room, name in in_rooms:
        assert (LIBRARY / room / name).exists(), f"{room}/{name}"
    bare = {name for _, name in in_rooms}
    for path in named_paths(document.read_text()):
        if path not in bare and not path.startswith(MADE_BY_USE):
            places = [folder / path for folder in (PROJECT_ROOT, LIBRARY)]
            assert any(place.exists() for place in places) or path == "__init__.py", path


@by_document
def test_names_are_there(document):
    text = document.read_text()
    names = {name.rstrip(".") for name in re.findall(r"assignment_lib(?:\.\w+)+", text)}
    for span in spans(text):
        called = re.match(r"([A-Za-z_]\w*(?:\.\w+)+)(?:\(.*\))?$", span)
        if called and span not in named_paths(text):
            names.add(called[1])
    files = {
        "metrics.json",
        "reid_test.txt",
        "reid_sets.txt",
        "classification_test.csv",
        "constraints.txt",
        "market_attribute.mat",
        "annotations_train.csv",
        "test_truth.csv",
    }
    missing = {name for name in names - files if not exists(name)}
    assert missing == set()


@by_document
def test_make_has_what_is_named(document):
    targets = set(re.findall(r"^([\w-]+):", (PROJECT_ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join([*spans(document.read_text()), *blocks(document.read_text(), "")])
    assert set(re.findall(r"^(?:\w+=\w+ )?make ([\w-]+)", code, re.MULTILINE)) <= targets


@pytest.mark.slow
def test_the_code_runs(few_data, tmp_path, monkeypatch):
    recipe = recipes.recipe("smoke", backbone="resnet10t", head="fc", pretrained=False)  # quick to export
    network = parts.joint_network(recipe, n_pids=4)
    marks = recipes.fingerprint(recipe, n_pids=4, attributes=True)
    checkpoints.save({"model": network.state_dict(), "fingerprint": marks}, tmp_path / "best.pt")
    (tmp_path / "path" / "to").mkdir(parents=True)
    (tmp_path / "path" / "to" / "course.zip").symlink_to(few_data.root, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    names = {"folder": tmp_path}
    for block in blocks(README, "python"):
        exec(block, names)
    queries, gallery = len(few_data.query), len(few_data.gallery)
    assert names["ranking"].order.shape == (queries, 10)
    assert names["distances"].shape == (queries, gallery)
    assert sorted(names["order"].tolist()) == list(range(gallery))
    assert torch.isfinite(names["probability"]).all()
    assert (tmp_path / "network.onnx").stat().st_size > 1_000_000
