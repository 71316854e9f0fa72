"""Draws of hyper-parameters: within their ranges, even, and addressed by what is drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medshift.benchmark.contract.search_space import Choice, LogUniform, draw_settings


@given(st.floats(1e-6, 1), st.floats(1.1, 1e6), st.floats(0, 1, exclude_max=True))
def test_log_uniform_draws_stay_within_and_grow(low, factor, place):
    draw = LogUniform(low, low * factor)
    assert low * 0.995 <= draw.at(place) <= low * factor * 1.005
    assert draw.at(place / 2) <= draw.at(place)


def test_log_uniform_draws_are_even_in_the_logarithm():
    values = [math.log10(draw_settings({"lr": LogUniform(1e-4, 1e-2)}, 0, n)["lr"]) for n in range(1, 2001)]
    counts, _ = np.histogram(values, bins=4, range=(-4, -2))
    assert abs(counts - 500).max() < 5 * math.sqrt(500 * 0.75)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 1000))
def test_a_draw_is_addressed_by_seed_number_and_name(seed, number):
    space = {"lr": LogUniform(1e-4, 1e-2), "k": Choice((1, 2, 3, 4, 5))}
    first = draw_settings(space, seed, number)
    assert first == draw_settings(dict(reversed(space.items())), seed, number)
    assert draw_settings({"lr": space["lr"]}, seed, number) == {"lr": first["lr"]}
    assert len({draw_settings(space, s, number)["lr"] for s in range(seed, seed + 5)}) > 1


@pytest.mark.parametrize("make", [lambda: LogUniform(0, 1), lambda: LogUniform(2, 1), lambda: Choice(())])
def test_what_is_no_distribution_is_refused(make):
    with pytest.raises(ValueError):
        make()
