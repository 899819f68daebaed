import pytest

from assignment_lib.reporting.gpu_verdict import verdict

WELL = {
    "device_type": "cuda", "recipe": "report", "batch_size": 64, "memory_gb": 16.0, "peak_memory_gb": 3.0,
    "dtype": "float16", "loop_images_per_second": 950.0, "bare_images_per_second": 1000.0, "losses_apart": 0.001,
    "resumed_apart": 3e-6, "again_apart": 2e-6, "evaluation_seconds": 0.4, "evaluation_cpu_seconds": 0.8,
    "evaluation_apart": 1e-7, "reranking_apart": 2e-5,
}  # fmt: skip


def test_all_is_well():
    (sentence,) = verdict(WELL)
    assert sentence.startswith("All is well")
    assert verdict(WELL | {"loop_images_per_second": 900.0}) == [sentence]  # 0.90 is enough
    assert verdict({"device_type": "cpu"}) == [sentence]  # what was not measured is not judged


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loop_images_per_second": 899.0}, ("waits 10% of the time", "899", "larger batch_size")),
        ({"peak_memory_gb": 15.0}, ("nearly full (15.0 of 16.0 GB)", "batch_size=32")),
        (
            {"memory_error": "the GPU's memory does not hold a batch of 64"},
            ("too small for the recipe report", "of 64"),
        ),
        ({"losses_apart": 0.02}, ("In float16 the losses are up to 2.00%", 'amp="off"')),
        ({"losses_apart": float("nan")}, ("nan%", 'amp="off"')),
        ({"not_finite": "the gradient is not finite in batch 3"}, ("breaks down (the gradient", 'amp="off"')),
        ({"resumed_apart": 1e-3}, ("does not end as a whole one", "1.0e-03")),
        ({"evaluation_seconds": 1.5}, ("takes 1.5 s, more than 1", "on the CPU, which takes 0.8 s")),
        ({"evaluation_seconds": 1.5, "evaluation_cpu_seconds": 3.0}, ("takes 1.5 s", "end other work")),
        ({"evaluation_apart": 2e-4}, ("The evaluation differs from the CPU's by 2.0e-04", "allow_tf32")),
        ({"reranking_apart": float("nan")}, ("The re-ranking differs", "allow_tf32")),
        ({"processes_error": "NCCL Error"}, ("several processes fails (NCCL Error)", "one GPU")),
    ],
)
def test_each_fault_has_a_sentence_with_a_remedy(changes, words):
    (sentence,) = verdict(WELL | changes)
    assert all(word in sentence for word in words), sentence


def test_two_gpus():
    two = {"processes": 2, "process_images_per_second": 100.0, "processes_images_per_second": 180.0}
    assert verdict(WELL | two | {"processes_loss_apart": 1e-3})[0].startswith("All is well")
    slow = verdict(WELL | two | {"processes_images_per_second": 110.0, "processes_loss_apart": 0.5})
    assert len(slow) == 2 and "50.0% from that of one" in slow[0] and "only 1.10 times as fast" in slow[1]


def test_a_cpu_repeats_to_the_last_bit_and_a_gpu_need_not():
    apart = {"resumed_apart": 1e-9, "again_apart": 0.0}
    assert verdict(WELL | apart)[0].startswith("All is well")
    assert "does not end as a whole one" in verdict(WELL | apart | {"device_type": "cpu"})[0]


def test_faults_are_all_named():
    assert len(verdict(WELL | {"loop_images_per_second": 1.0, "evaluation_seconds": 9.0, "resumed_apart": 1.0})) == 3
