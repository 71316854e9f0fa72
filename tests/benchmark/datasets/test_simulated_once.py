"""The simulated data set is made once, whoever needs it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from medshift.benchmark.datasets.brain_mri_sim import build, load


def test_two_that_need_the_data_set_at_once_make_it_once(home, monkeypatch):
    made, few = [], build.build(patients=1)

    def build_slowly(**given):
        made.append(given)
        time.sleep(0.5)
        return few

    monkeypatch.setattr(build, "build", build_slowly)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda number: load.load(), range(2))
    assert len(made) == 1
    assert np.array_equal(first.pixels, second.pixels)
    assert not list(home.rglob(".lock"))
