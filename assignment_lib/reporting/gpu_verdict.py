"""What the measurements of `gpu_check` mean, in sentences: what is wrong and what to do about it, or that all is well."""

from __future__ import annotations

from typing import Any

#: The loop's share of the bare step at least.
LOOP_SHARE = 0.90
#: Seconds of the evaluation at most, at Market-1501's size.
EVALUATION_SECONDS = 1.0
#: Difference of mAP and CMC between GPU and CPU at most.
SCORES_APART = 1e-4
#: Relative difference of a loss from float32's at most; eight steps of `report` and `strong` on a CPU: docs/speed.md.
LOSSES_APART = {"float16": 0.002, "bfloat16": 0.01}
#: Of the GPU's memory at most.
MEMORY_SHARE = 0.9
#: A broken-off training ends so many times further from a whole one than a second whole one does, at most, …
RESUMED_TIMES = 10.0
#: … and nearer than this it is the same anyway, on a GPU.
RESUMED_APART = 1e-5
#: Relative difference of the first loss between one process and two at most.
PROCESSES_APART = 0.01
#: Two GPUs train so many times as fast as one at least.
PROCESSES_GAIN = 1.3


def verdict(found: dict[str, Any]) -> list[str]:
    """The sentences for what `gpu_check.measure` found; what was not measured is not judged. One, where all is well."""
    sentences = [*_memory(found), *_speed(found), *_precision(found), *_resumed(found), *_scores(found), *_two(found)]
    return sentences or ["All is well: this device trains and scores the recipe as it should."]


def _memory(found: dict[str, Any]) -> list[str]:
    if "memory_error" in found:
        return [f"The memory is too small for the recipe {found['recipe']}: {found['memory_error']}."]
    if found.get("peak_memory_gb", 0.0) > MEMORY_SHARE * found.get("memory_gb", float("inf")):
        return [
            f"The memory is nearly full ({found['peak_memory_gb']:.1f} of {found['memory_gb']:.1f} GB): take "
            f"batch_size={max(2, found['batch_size'] // 2)} in the recipe, or end what else uses the GPU."
        ]
    return []


def _speed(found: dict[str, Any]) -> list[str]:
    if "bare_images_per_second" not in found:
        return []
    loop, bare = found["loop_images_per_second"], found["bare_images_per_second"]
    if loop >= LOOP_SHARE * bare:
        return []
    return [
        f"The device waits {1 - loop / bare:.0%} of the time: the loop trains {loop:,.0f} images/s and the bare step "
        f"{bare:,.0f}; end other work on this machine, or take a larger batch_size or a runtime with a faster processor."
    ]


def _precision(found: dict[str, Any]) -> list[str]:
    if "not_finite" in found:
        return [
            f'Training breaks down ({found["not_finite"]}): try amp="off" in the recipe, then a smaller learning_rate.'
        ]
    if "losses_apart" not in found:
        return []
    apart, dtype = found["losses_apart"], found["dtype"]
    if apart <= LOSSES_APART.get(dtype, 0.0):  # a loss that is not a number is not within anything
        return []
    return [
        f"In {dtype} the losses are up to {apart:.2%} from those in float32, and {LOSSES_APART.get(dtype, 0.0):.0%} is "
        'expected: train with amp="off" in the recipe, and compare both before you trust mixed precision here.'
    ]


def _resumed(found: dict[str, Any]) -> list[str]:
    if "resumed_apart" not in found:
        return []
    resumed, again = found["resumed_apart"], found["again_apart"]
    allowed = max(RESUMED_TIMES * again, RESUMED_APART) if found["device_type"] == "cuda" else 0.0
    if resumed <= allowed:
        return []
    return [
        f"A training that was broken off does not end as a whole one: its weights are {resumed:.1e} of their length apart, "
        f"where two whole ones are {again:.1e}; do not break off a training here, and report it with runs/gpu-check.json."
    ]


def _scores(found: dict[str, Any]) -> list[str]:
    sentences = []
    for name, what in (("evaluation", "evaluation"), ("reranking", "re-ranking")):
        apart = found.get(f"{name}_apart")
        if apart is not None and not apart <= SCORES_APART:
            sentences.append(
                f"The {what} differs from the CPU's by {apart:.1e} in mAP or CMC, more than {SCORES_APART:g}: set "
                "torch.backends.cuda.matmul.allow_tf32 = False, or score on the CPU."
            )
    seconds = found.get("evaluation_seconds", 0.0)
    if seconds > EVALUATION_SECONDS:
        on_cpu = found["evaluation_cpu_seconds"]
        remedy = f"give it embeddings on the CPU, which takes {on_cpu:.1f} s" if on_cpu < seconds else "end other work"
        sentences.append(f"The evaluation takes {seconds:.1f} s, more than {EVALUATION_SECONDS:g}: {remedy}.")
    return sentences


def _two(found: dict[str, Any]) -> list[str]:
    if "processes_error" in found:
        return [f"Training with several processes fails ({found['processes_error']}): train with one GPU."]
    if "processes_images_per_second" not in found:
        return []
    sentences = []
    if not found["processes_loss_apart"] <= PROCESSES_APART:
        sentences.append(
            f"With {found['processes']} processes the loss is {found['processes_loss_apart']:.1%} from that of one: train "
            "with one GPU."
        )
    gain = found["processes_images_per_second"] / found["process_images_per_second"]
    if found["device_type"] == "cuda" and gain < PROCESSES_GAIN:
        sentences.append(
            f"{found['processes']} GPUs train only {gain:.2f} times as fast as one: take a larger batch_size, or one GPU."
        )
    return sentences
