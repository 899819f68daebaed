"""The short benchmarks, each beside a limit that is measured in the same run, and its result beside a reference.

    make bench
    python benchmarks/bench.py --write      # and the table of growth into docs/speed.md

About two minutes on two idle cores. Exit status 1, with a sentence each, where a limit is broken or a result differs.
Limits are shares of other work of the same run, so that a slow machine does not break them; a busy one may.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "tests" / "retrieval"))

import reid_scores as reid_benchmark
import rerank
import scaling
from assignment_lib.batches.augment import augment
from assignment_lib.training.made_up import noise_split
from dense_reranking import naive
from market_scale import market_scale

from assignment_lib import environment, retrieval
from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation, only
from assignment_lib.evaluation.protocol import score_each_query
from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.training import assembly, speed
from assignment_lib.training.recipes import recipe

#: Of the bare step at least; of the forward pass, of the similarity product, of the all-pairs product at most; exponent.
LOOP, AUGMENTATION, EVALUATION, RERANKING, EXPONENT = 0.90, 0.25, 3.0, 3.0, 1.2
QUICK = torch.device("cpu")


def loop() -> list[str]:
    """`loop.fit` beside the bare step: EfficientNet-Lite0, 128 x 64, batch 64."""
    chosen = recipe("report", pretrained=False)
    found = speed.measure(assembly.joint(noise_split(chosen, 6 * 64), chosen, QUICK), rounds=3, amp="off")
    say(f"the loop trains {found.loop:.0f} images/s, {found.share:.1%} of the bare step", f"at least {LOOP:.0%}")
    return [] if found.share >= LOOP else [f"the loop reaches {found.share:.1%} of the bare step, less than {LOOP:.0%}"]


def augmentation() -> list[str]:
    """The seven transforms beside the forward pass of the network that learns from them."""
    images = torch.randint(0, 256, (64, 3, 128, 64), dtype=torch.uint8)
    chosen = recipe("report", pretrained=False)
    network = assembly.joint(noise_split(chosen, 64), chosen, QUICK).network.train()
    pixels = (images.float() / 255).contiguous(memory_format=torch.channels_last)
    ours, forward = best(partial(augment, images)), best(partial(network, pixels))
    share = ours / forward
    say(f"augmentation: {64 / ours:,.0f} images/s, {share:.1%} of a forward pass", f"at most {AUGMENTATION:.0%}")
    wrong = (
        [] if share <= AUGMENTATION else [f"augmentation takes {share:.1%} of a forward pass, over {AUGMENTATION:.0%}"]
    )
    none = Augmentation(**dict.fromkeys(TRANSFORMS, 0.0))
    mirrored = (augment(images, only("flip")) - images.flip(3) / 255).abs().max()
    if mirrored > 1e-4 or (augment(images, none) - images / 255).abs().max() > 1e-6:
        wrong.append("augmentation: a flip alone is not the mirror image, or no transform changes the image")
    return wrong


def evaluation() -> list[str]:
    """`reid_scores` at Market-1501's size compared with the product; 40 queries compared with `evaluation/protocol.py`."""
    data = market_scale()
    reid_scores(**data)
    ratio = median_ratio(*reid_benchmark.compare_with_product(data, 5))
    say(f"evaluation takes {ratio:.2f} times the similarity product", f"at most {EVALUATION:g}")
    errors = [] if ratio <= EVALUATION else [f"evaluation takes {ratio:.2f} times the product, over {EVALUATION:g}"]
    few = data | {name: data[name][:40] for name in ("query", "query_ids", "query_cameras")}
    labels = {name: values for name, values in few.items() if name not in ("query", "gallery")}
    reference = score_each_query((few["query"] @ few["gallery"].T).numpy(), **labels)
    if not np.allclose(reid_scores(**few).ap, reference["ap"], atol=1e-6):
        errors.append("evaluation: the average precisions of 40 queries differ from those of evaluation/protocol.py")
    return errors


def reranking() -> list[str]:
    """`rerank` at Market-1501's size beside the all-pairs product; a small search beside the paper's loops."""
    data = market_scale()
    ratio = median_ratio(*rerank.beside_product(data["query"], data["gallery"], 3))
    say(f"re-ranking takes {ratio:.2f} times the all-pairs product", f"at most {RERANKING:g}")
    wrong = [] if ratio <= RERANKING else [f"re-ranking takes {ratio:.2f} times the product, over {RERANKING:g}"]
    few = market_scale(0.01)
    exact = naive(few["query"], few["gallery"], 20, 6, 0.3)
    if not np.allclose(retrieval.rerank(few["query"], few["gallery"]).numpy(), exact, atol=1e-4):
        wrong.append("re-ranking: the distances of a small search differ from those of the paper's loops")
    return wrong


def growth(write: bool) -> list[str]:
    """What grows with the images grows linearly."""
    rows = scaling.table()
    text = scaling.markdown(rows)
    print(text, flush=True)
    if write:
        put(environment.PROJECT_ROOT / "docs" / "speed.md", "growth", text)
    steep = rows[rows["exponent"] > EXPONENT]
    return [
        f"{row['work']}: its time grows as the images to the power {row['exponent']:.2f}, over {EXPONENT:g}"
        for _, row in steep.iterrows()
    ]


def put(file: Path, name: str, text: str) -> None:
    """Write `text` between the comments `name` and `end of name` of a Markdown file."""
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, rest = file.read_text().split(first)
    file.write_text(f"{before}{first}\n{text}\n\n{last}{rest.split(last)[1]}")


def best(work: Callable[[], object], repeat: int = 7) -> float:
    work()
    return min(reid_benchmark.seconds(work) for _ in range(repeat))


def median_ratio(product: list[float], whole: list[float]) -> float:
    return float(np.median(np.array(whole) / np.array(product)))


def say(what: str, limit: str) -> None:
    print(f"{what} ({limit})", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table of growth into docs/speed.md")
    write = parser.parse_args().write
    print(environment.describe())
    started = time.perf_counter()
    wrong = [*loop(), *augmentation(), *evaluation(), *reranking(), *growth(write)]
    print(f"{time.perf_counter() - started:.0f} s")
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
