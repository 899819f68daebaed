"""The widget of notebook 05 as a page on this computer. Called by `make demo`.

usage: python tools/demo.py [--port 8866] [--no-browser]

Settings come from the environment variables ASSIGNMENT_DATA, ASSIGNMENT_RECIPE, ... as for the notebooks, ASSIGNMENT_PORT, and
ASSIGNMENT_GALLERY: a folder of your own pedestrian crops to search in. The page uses the network that was trained with these
settings, else the published weights in `weights/`, else it trains a network first. voila shows a notebook of one cell; it
listens on 127.0.0.1 only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from assignment_lib import dataset, environment  # noqa: E402
from assignment_lib.data.annotations import with_test_truth  # noqa: E402
from assignment_lib.data.images import decode  # noqa: E402
from assignment_lib.evaluation.validation import Search  # noqa: E402
from assignment_lib.models.joint import JointConvNet  # noqa: E402
from assignment_lib.reporting.widget.photos import FORMATS  # noqa: E402
from assignment_lib.retrieval import pipeline  # noqa: E402
from assignment_lib.retrieval.pipeline import Retrieval  # noqa: E402
from assignment_lib.retrieval.reranking import reranked_scores  # noqa: E402
from assignment_lib.training import assembly  # noqa: E402
from assignment_lib.training.assembly import Published  # noqa: E402
from assignment_lib.training.recipes import Recipe, from_settings  # noqa: E402

MAX_QUERIES = 200  # gallery images that a folder of your own offers as queries
CELLS = (
    ("markdown", "# Pedestrian retrieval\nChoose a query; the most similar gallery images are returned."),
    (
        "code",
        "import os\nos.environ['TQDM_DISABLE'] = '1'\nimport demo\nfrom assignment_lib.reporting import widget\n"
        "widget.play(demo.retrieval(log=lambda text: None))",
    ),
)


def retrieval(log: Callable[[str], None] = print) -> Retrieval:
    """What the widget shows: the data set of the settings, or the images in the folder ASSIGNMENT_GALLERY."""
    settings, folder = environment.settings(), environment.setting("GALLERY", "")
    rounds = from_settings(settings).retrieval.adaptation_rounds
    folders = (pipeline.network_folder(settings, number) for number in range(rounds, -1, -1))
    trained = next((place for place in folders if assembly.is_trained(place)), None)
    found = published("adapted" if settings.recipe == "adapted" else "strong") if trained is None else None
    if folder:
        table = crops(Path(folder).expanduser())
        if trained is not None:
            found = without_thresholds(*assembly.trained_network(trained))
        if found is None:
            raise SystemExit("There is no network yet. Put published weights into weights/, or run: make train")
        return with_network(found, table, log)
    if found is None:
        return pipeline.prepare(dataset.load(settings.data), settings, log=log)
    return with_network(found, None, log)


def published(name: str) -> Published | None:
    """The published network `name`; None without it."""
    try:
        return assembly.published(name)
    except FileNotFoundError:
        return None


def without_thresholds(network: JointConvNet, recipe: Recipe) -> Published:
    """A network of one's own with the fixed threshold of its recipe."""
    return Published(network, recipe, dict.fromkeys(("similarity", "reranked"), recipe.retrieval.threshold))


def with_network(chosen: Published, own: pd.DataFrame | None, log: Callable[[str], None] = print) -> Retrieval:
    """The images of the table `own`, or the test images of the settings' data set, retrieved by a network.

    Evenly spaced images of your own are the queries, and identities are unknown.
    """
    network = chosen.network.eval().to(environment.device())
    if own is None:
        data = with_test_truth(dataset.load(environment.settings().data))
        query, gallery, known = data.query, data.gallery, data.has_test_identities
        if query.empty or gallery.empty:
            raise SystemExit(
                f"{data.name} has no queries or no gallery. Pass its folder as GALLERY to search in its images."
            )
        query, gallery = (table.assign(pid=table["pid"].clip(lower=-1)) for table in (query, gallery))
        copies = pipeline.find_query_copies(data)
    else:
        gallery, known = own, False
        rows = np.unique(np.linspace(0, len(gallery) - 1, min(MAX_QUERIES, len(gallery))).round().astype(int))
        query, copies = gallery.iloc[rows].reset_index(drop=True), torch.from_numpy(rows)
    log(f"{len(gallery):,} gallery images, {len(query):,} queries")
    images, predictions = {}, {}
    for name, table in (("query", query), ("gallery", gallery)):
        images[name] = decode(table["path"], network.image_size, progress=False)
        key = hashlib.sha256("\n".join(table["path"]).encode()).hexdigest()[:16]
        path = environment.runs_folder() / "demo" / f"predictions-{key}.pt"
        predictions[name] = pipeline.cached_predictions(network, images[name], path)
    embeddings = predictions["query"].embeddings, predictions["gallery"].embeddings
    ids = (table["pid"].to_numpy() for table in (query, gallery))
    return Retrieval(
        chosen.recipe, network, query, gallery, images["query"], images["gallery"],
        predictions["query"], predictions["gallery"],
        embeddings[0] @ embeddings[1].T, reranked_scores(*embeddings, copies),
        chosen.thresholds, None, Search(*embeddings, *ids, None, None), known, copies,
    )  # fmt: skip


def crops(folder: Path) -> pd.DataFrame:
    """The table of all images in `folder` and its subfolders, by name. Raises `SystemExit` for fewer than two."""
    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    if len(paths) < 2:
        raise SystemExit(
            f"{folder} holds {len(paths)} images. Pass GALLERY=a folder with at least two pedestrian crops."
        )
    files = [path.relative_to(folder).as_posix() for path in paths]
    return pd.DataFrame({"file": files, "path": [str(path.resolve()) for path in paths], "pid": -1, "camera": -1})


def page(parts: Sequence[tuple[str, str]] = CELLS) -> dict:
    """The notebook that voila shows; `parts` are the kind and the text of each cell."""
    cells = [
        {"cell_type": kind, "metadata": {}, "source": text}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for kind, text in parts
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


def command(notebook: Path, port: int, browser: bool) -> list[str]:
    """The command that starts voila."""
    return [
        str(Path(sys.executable).parent / "voila"), str(notebook), "--Voila.ip=127.0.0.1", f"--port={port}", "--token=",
        # uploaded photos: by default tornado closes the connection above 10 MB
        "--Voila.tornado_settings={'websocket_max_message_size': 50000000}",
        "--MappingKernelManager.cull_idle_timeout=3600", *([] if browser else ["--no-browser"]),
    ]  # fmt: skip


def main() -> int:
    """Prepare the predictions, then serve the page until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=int(environment.setting("PORT", "8866")))
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args()
    environment.make_paths_absolute()
    retrieval()  # trains and predicts here, where progress is visible; every opened page reads the cached predictions
    print(f"\nOpen http://127.0.0.1:{arguments.port}/ (the page loads in some seconds). Ctrl-C ends it.", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # otherwise voila would keep running
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "demo.ipynb"
        notebook.write_text(json.dumps(page()), encoding="utf-8")
        paths = filter(None, [str(ROOT), str(ROOT / "tools"), os.environ.get("PYTHONPATH")])
        variables = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        server = subprocess.Popen(command(notebook, arguments.port, not arguments.no_browser), env=variables, cwd=ROOT)
        try:
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
