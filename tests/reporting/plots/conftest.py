"""Figures are looked at by people; the tests look for what can be wrong without being seen: what is drawn and written."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")
