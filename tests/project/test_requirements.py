"""requirements.txt asks for nothing that Colab's own packages do not satisfy, and Colab is given only what it lacks."""

import re

import pytest
from packaging.requirements import Requirement

from assignment_lib.environment import PROJECT_ROOT

#: Colab's runtime of January 2026, from the list that googlecolab/backend-info keeps.
JANUARY = {
    "torch": "2.9.0", "torchvision": "0.24.0", "numpy": "2.0.2", "pandas": "2.2.2", "matplotlib": "3.10.0",
    "seaborn": "0.13.2", "scikit-learn": "1.6.1", "timm": "1.0.24", "tensorboard": "2.19.0", "tqdm": "4.67.1",
    "pillow": "11.3.0", "scipy": "1.16.3", "tabulate": "0.9.0", "ipywidgets": "7.7.1", "ipykernel": "6.17.1",
    "nbclient": "0.10.4", "ipython": "7.34.0",
}  # fmt: skip
#: Python 3.13, torch 2.11 with CUDA 12.8; what is not known to have changed is January's.
NEWER = JANUARY | {"torch": "2.11.0", "torchvision": "0.26.0", "numpy": "2.1.3"}
NOT_NEEDED = {"jupyterlab"}


def requirements(name):
    lines = [line.partition("#")[0].strip() for line in (PROJECT_ROOT / name).read_text().splitlines()]
    return {found.name: found for found in map(Requirement, filter(None, lines))}


def test_lower_bounds_only():
    for name in ("requirements.txt", "requirements-colab.txt"):
        for found in requirements(name).values():
            assert re.fullmatch(r">=[\d.]+", str(found.specifier)), found


def test_colab_is_asked_for_the_same_as_everyone():
    everyone, colab = requirements("requirements.txt"), requirements("requirements-colab.txt")
    assert {name: str(found) for name, found in colab.items()} == {name: str(everyone[name]) for name in colab}
    kept = {"torch", "torchvision", "numpy", "pandas", "ipywidgets", "ipykernel", "jupyterlab", "nbclient"}
    assert not kept & set(colab)


@pytest.mark.parametrize("versions", [JANUARY, NEWER], ids=["2026.01", "torch 2.11"])
def test_colab_has_the_rest(versions):
    wanted = requirements("requirements.txt")
    for name, found in wanted.items():
        if name in versions:
            assert found.specifier.contains(versions[name]), f"Colab's {name} {versions[name]} is not {found}"
    assert set(wanted) - set(versions) - NOT_NEEDED <= set(requirements("requirements-colab.txt"))
