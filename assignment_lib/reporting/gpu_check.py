"""Some minutes on a GPU that was not here before: is it fast, does it compute the same, is the memory enough?

make gpu-check [RECIPE=report]
python -m assignment_lib.reporting.gpu_check --recipe strong --scale 0.2
python -m assignment_lib.reporting.gpu_check --cpu          # the same in a tiny size, to try the check itself

In a notebook: `gpu_check.check(recipes.recipe("report"), environment.device())`. What is measured stands in
`runs/gpu-check.json`, what it means in `gpu_verdict.py`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from assignment_lib import environment, synthetic
from assignment_lib.data.dataset import load
from assignment_lib.evaluation.market_scale import market_scale
from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_from_distances
from assignment_lib.evaluation.summary import ReidScores
from assignment_lib.files import atomic_write
from assignment_lib.reporting.gpu_verdict import verdict
from assignment_lib.retrieval.reranking import rerank
from assignment_lib.training import assembly, made_up, speed, trials
from assignment_lib.training.assembly import Split
from assignment_lib.training.precision import DTYPES
from assignment_lib.training.recipes import Recipe, changed, recipe

NO_GPU = (
    "There is no GPU here: on Colab choose Runtime > Change runtime type > T4 GPU; elsewhere see whether nvidia-smi shows one "
    "and torch was installed with CUDA; or try the check itself with --cpu."
)
#: Training images that the speed is measured with at most: those of Market-1501.
_IMAGES = 12_936
#: Share of the given time that goes into the speed; the other parts take what they take.
_SPEED_SHARE = 0.4
#: What is shown of the measurements, and how.
_ROWS = {
    "device": ("device", "{}"),
    "memory_gb": ("its memory", "{:.1f} GB"),
    "recipe": ("recipe", "{}"),
    "dtype": ("mixed precision", "{}"),
    "loop_images_per_second": ("training loop", "{:,.0f} images/s"),
    "bare_images_per_second": ("bare step", "{:,.0f} images/s"),
    "waiting": ("share of the time that the device waits", "{:.1%}"),
    "peak_memory_gb": ("memory in use at most", "{:.2f} GB"),
    "losses_apart": ("losses, largest relative difference from float32's", "{:.2e}"),
    "resumed_apart": ("weights of a broken-off training from a whole one's", "{:.1e}"),
    "again_apart": ("weights of a second whole training from the first's", "{:.1e}"),
    "evaluation_size": ("evaluation and re-ranking, queries x images", "{}"),
    "evaluation_seconds": ("evaluation", "{:.2f} s"),
    "evaluation_cpu_seconds": ("the same on the CPU", "{:.2f} s"),
    "evaluation_apart": ("largest difference of mAP and CMC", "{:.1e}"),
    "reranking_seconds": ("re-ranking", "{:.2f} s"),
    "reranking_cpu_seconds": ("the same on the CPU", "{:.2f} s"),
    "reranking_apart": ("largest difference of mAP and CMC", "{:.1e}"),
    "processes_images_per_second": ("training loop with a process a GPU", "{:,.0f} images/s"),
    "processes_loss_apart": ("its first loss, relative difference", "{:.1e}"),
}


def check(
    chosen: Recipe, device: torch.device, seconds: float = 180.0, scale: float = 1.0, file: Path | None = None
) -> pd.DataFrame:
    """Measure, write `runs/gpu-check.json` (or `file`), and give a table: what was measured, then the verdict's sentences.

    Two fifths of `seconds` go into the speed, the other parts take what they take. `scale` is that of `market_scale`: the
    size of evaluation and re-ranking. On a CPU it works too and takes long, unless recipe and scale are tiny.
    """
    found = measure(chosen, device, seconds, scale)
    found["verdict"] = verdict(found)
    file = file or environment.runs_folder() / "gpu-check.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as out:
        out.write(json.dumps(found, indent=1).encode())
    rows = [(label, form.format(found[name])) for name, (label, form) in _ROWS.items() if name in found]
    return pd.DataFrame(rows + [("verdict", sentence) for sentence in found["verdict"]], columns=["what", "measured"])


def measure(chosen: Recipe, device: torch.device, seconds: float = 180.0, scale: float = 1.0) -> dict[str, Any]:
    """All figures by name; the keys of `_ROWS` and a few more. Where the memory is too small, "memory_error" says so."""
    found = _machine(device) | {"recipe": chosen.name, "batch_size": chosen.training.batch_size}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        split = _drawn(folder, chosen)
        try:
            found |= _training(split, chosen, device, _SPEED_SHARE * seconds)
            dtype = DTYPES[found["dtype"]]
            if dtype is not None:
                exact = trials.losses(split, chosen, device, None)
                found["losses_apart"] = trials.largest_relative(trials.losses(split, chosen, device, dtype), exact)
            apart = trials.resumed(split, chosen, device, dtype, folder)
            found |= {f"{name}_apart": value for name, value in apart.items()}
        except (MemoryError, torch.cuda.OutOfMemoryError) as error:
            found["memory_error"] = str(error).partition("\n")[0].rstrip(".")
        except FloatingPointError as error:
            found["not_finite"] = str(error).partition(";")[0]
    found |= _searches(device, scale)
    if device.type == "cuda" and torch.cuda.device_count() > 1 and not {"memory_error", "not_finite"} & set(found):
        found |= processes(["--recipe", chosen.name, "--backbone", chosen.model.backbone], torch.cuda.device_count())
    return found


def processes(options: list[str], count: int) -> dict[str, Any]:
    """`training.speed` with `options` in one process and in `count`, without dropout: images a second and first losses."""
    found = []
    for number in (1, count):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={number}"]
        command += [
            "-m",
            "assignment_lib.training.speed",
            "--batches",
            "10",
            "--rounds",
            "2",
            "--dropout",
            "0",
            *options,
        ]
        done = subprocess.run(command, cwd=environment.PROJECT_ROOT, capture_output=True, text=True, check=False)
        line = re.search(r"^loop ([\d.]+) images/s \(\w+\), first loss ([\d.]+)", done.stdout, re.MULTILINE)
        if done.returncode or line is None:
            last = [text for text in done.stderr.splitlines() if "Error" in text] or ["no output"]
            return {"processes_error": last[0].strip()}
        found.append((float(line[1]), float(line[2])))
    (alone, loss), (together, other_loss) = found
    return {
        "processes": count,
        "process_images_per_second": alone,
        "processes_images_per_second": together,
        "processes_loss_apart": trials.largest_relative([other_loss], [loss]),
    }


def _machine(device: torch.device) -> dict[str, Any]:
    found: dict[str, Any] = {"device_type": device.type, "device": environment.describe().partition(" · ")[0]}
    if device.type == "cuda":
        found["device"] = torch.cuda.get_device_name(device)
        found["memory_gb"] = torch.cuda.get_device_properties(device).total_memory / 1e9
        found["gpus"] = torch.cuda.device_count()
    return found | {"versions": environment.versions()}


def _drawn(folder: Path, chosen: Recipe) -> Split:
    # as many people as the largest batch needs when it takes two images of each
    people = chosen.training.batch_size // 2 + 8
    synthetic.draw(
        folder / "drawn", train_identities=people, test_identities=2, train_images=4 * people, progress=False
    )
    return assembly.decoded_split(load(folder / "drawn"), changed(chosen, distractors="none"))


def _training(split: Split, chosen: Recipe, device: torch.device, seconds: float) -> dict[str, Any]:
    batch_size = chosen.training.batch_size
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    # a first short one prepares the device, and tells how many images the time is enough for
    first = speed.measure(assembly.joint(made_up.repeated(split, 4 * batch_size), chosen, device), rounds=2)
    rounds = 3
    images = min(_IMAGES, int(seconds / (2 * rounds) * first.loop))
    images = max(4, images // batch_size) * batch_size
    training = assembly.joint(made_up.repeated(split, images), chosen, device)
    found = speed.measure(training, rounds, amp=first.dtype if first.dtype != "float32" else "off")
    peak = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None
    return {
        "dtype": found.dtype,
        "loop_images_per_second": found.loop,
        "bare_images_per_second": found.bare,
        "waiting": max(0.0, 1 - found.share),
    } | ({} if peak is None else {"peak_memory_gb": peak})


def _searches(device: torch.device, scale: float) -> dict[str, Any]:
    on_cpu = market_scale(scale)
    on_device = on_cpu | {name: on_cpu[name].to(device) for name in ("query", "gallery")}
    labels = {name: values for name, values in on_cpu.items() if name not in ("query", "gallery")}
    found: dict[str, Any] = {"evaluation_size": f"{len(on_cpu['query']):,} x {len(on_cpu['gallery']):,}"}
    scores, distances = {}, {}
    for suffix, data in (("_cpu", on_cpu), ("", on_device)):
        search = lambda data=data: reid_scores(**data)  # noqa: E731
        again = lambda data=data: rerank(data["query"], data["gallery"])  # noqa: E731
        search()  # starts threads and libraries
        scores[suffix], found[f"evaluation{suffix}_seconds"] = _timed(search, device)
        distances[suffix], found[f"reranking{suffix}_seconds"] = _timed(again, device)
    found["evaluation_apart"] = _apart(scores[""], scores["_cpu"])
    ranked = {suffix: reid_scores_from_distances(values, **labels) for suffix, values in distances.items()}
    found["reranking_apart"] = _apart(ranked[""], ranked["_cpu"])
    return found


def _apart(ours: ReidScores, wanted: ReidScores) -> float:
    return max(abs(ours.mAP - wanted.mAP), float(np.abs(ours.cmc - wanted.cmc).max()))


def _timed(work: Callable[[], Any], device: torch.device) -> tuple[Any, float]:
    speed.wait_for(device)
    started = time.perf_counter()
    result = work()
    speed.wait_for(device)
    return result, time.perf_counter() - started


def main(arguments: list[str] | None = None) -> int:
    """Print the table and the verdict; 1 where there is no GPU and none was asked to be done without."""
    parser = argparse.ArgumentParser(description="Is this GPU fast, does it compute the same, is its memory enough?")
    parser.add_argument("--recipe", default="report")
    parser.add_argument("--backbone", default=None, help="instead of the recipe's")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the evaluation; 1 is Market-1501")
    parser.add_argument("--cpu", action="store_true", help="without a GPU, in a tiny size")
    given = parser.parse_args(arguments)
    chosen = recipe(given.recipe, **({"backbone": given.backbone} if given.backbone else {}))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    file = environment.runs_folder() / "gpu-check.json"
    if given.cpu:
        tiny = changed(chosen, image_size=(64, 32), batch_size=8, pretrained=False)
        table = check(tiny, torch.device("cpu"), 1.0, min(given.scale, 0.01), file)
    elif device.type == "cpu":
        print(NO_GPU)
        return 1
    else:
        table = check(chosen, device, given.seconds, given.scale, file)
    measured, sentences = table[table["what"] != "verdict"], table[table["what"] == "verdict"]
    width = measured["what"].str.len().max()
    print(*(f"{what:{width}}  {value}" for what, value in measured.to_numpy()), sep="\n")
    print(*sentences["measured"], f"All figures: {environment.relative(file)}", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
