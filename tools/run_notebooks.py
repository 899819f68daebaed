"""Execute the notebooks in order and show their printed output as it appears. Called by `make notebooks`.

usage: python tools/run_notebooks.py [NUMBER ...]     (default: all; `04 05` runs those two)

Settings come from the environment variables ASSIGNMENT_DATA, ASSIGNMENT_RECIPE, ASSIGNMENT_BACKBONE,
ASSIGNMENT_PRETRAINED and ASSIGNMENT_SEED. With the default settings the notebooks are executed in place, as they are
committed; otherwise their executed copies go to runs/<data>-<recipe>/notebooks/. A run that was interrupted resumes: the
notebooks skip training that is finished and continue training that is not.
"""

import base64
import io
import os
import re
import shutil
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

LARGE = 250_000  # characters of a picture in an output; GitHub does not render notebooks of several megabytes
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from assignment_lib import environment  # noqa: E402
from assignment_lib.training import ablations, recipes  # noqa: E402


class PrintingClient(NotebookClient):
    """Prints every line that a cell writes to its standard output immediately."""

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "stream":
            for line in msg["content"]["text"].splitlines():
                print(f"    {line}", flush=True)
        return super().process_message(msg, cell, cell_index)


def execute(path: Path, target: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    # execution times and widget state are not kept
    client = PrintingClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # otherwise each kernel warns about its local connection
        resources={"metadata": {"path": str(ROOT / "notebooks")}},
    )
    try:
        client.execute()
    finally:
        tidy(notebook)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


def tidy(notebook) -> None:
    """Remove live widgets (a static picture stands next to each) and metadata that differs between machines."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            live = "application/vnd.jupyter.widget-view+json"
            cell.outputs = joined_streams([o for o in cell.outputs if live not in o.get("data", {})])
            for output in cell.outputs:
                for kind in ("text/plain", "text/html"):
                    if kind in output.get("data", {}):
                        output.data[kind] = steady(output.data[kind], number)
                if len(output.get("data", {}).get("image/png", "")) > LARGE:
                    output.data["image/png"] = in_few_colours(output.data["image/png"])


def steady(text: str, number: int) -> str:
    """The output of cell `number` without memory addresses and random ids of styled tables, which differ in every run."""
    return re.sub(r"\bT_[0-9a-f]{5}(?=\b|_)", f"T_{number}", re.sub(r" at 0x[0-9a-f]+", "", text))


def in_few_colours(png: str) -> str:
    """A base64 PNG reduced to 256 colours, a third of the size; the file in figures/ keeps all colours."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    buffer = io.BytesIO()
    # the default method would give the two ends of a colour bar the same grey
    image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode() + "\n"


def joined_streams(outputs: list) -> list:
    """Consecutive stream outputs of a cell, joined into one."""
    joined = []
    for output in outputs:
        if joined and output.output_type == "stream" and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def main(wanted: list[str]) -> int:
    environment.make_paths_absolute()
    try:
        settings = environment.settings()
    except ValueError as error:
        print(error)
        return 2
    paths = [p for p in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")) if not wanted or p.name[:2] in wanted]
    if not paths:
        print(f"There is no notebook {', '.join(wanted)}; pass numbers from 01 to 07.")
        return 2
    target = ROOT / "notebooks" if settings.committed else settings.folder / "notebooks"
    os.environ["ASSIGNMENT_UNATTENDED"] = "1"
    os.environ.setdefault("TQDM_DISABLE", "1")  # progress bars would clutter the saved outputs
    if settings.committed and not wanted:
        # Committed outputs come from this code: finished training is repeated, interrupted training resumes.
        for marker in settings.folder.glob(f"*-seed{settings.seed}/**/finished.txt"):
            for name in ("last.pt", "finished.txt", "scores.json"):
                (marker.parent / name).unlink(missing_ok=True)
        recipe = recipes.from_settings(settings)
        for row in filter(lambda row: row.short, ablations.rows_of(recipe)):  # the others take hours: `make ablations`
            for seed in range(recipe.ablation.ablation_seeds):
                shutil.rmtree(ablations.folder_of(row, seed, settings.ablations), ignore_errors=True)
    started = time.perf_counter()
    for number, path in enumerate(paths, 1):
        print(f"[{number}/{len(paths)}] {path.name}", flush=True)
        begun = time.perf_counter()
        try:
            execute(path, target / path.name)
        except CellExecutionError as error:
            if error.ename == "SkipNotebook":
                print(f"    {error.evalue}", flush=True)
                continue
            print(f"\n{path.name} failed: {error.ename}: {error.evalue}", flush=True)
            print(f"Its output is in {environment.relative(target / path.name)}. Run the same command to resume.")
            return 1
        print(f"    done in {time.perf_counter() - begun:.0f} s", flush=True)
    print(
        f"all done in {time.perf_counter() - started:.0f} s: notebooks in {environment.relative(target)}, tables and "
        f"figures in {environment.relative(settings.figures)}, the rest in {environment.relative(settings.folder)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
