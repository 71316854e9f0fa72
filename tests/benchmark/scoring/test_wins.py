"""Wins between groups are counted alike by the compiled loop, by array code, and pair by pair."""

from __future__ import annotations

import numpy as np
import pytest

from medshift.benchmark.scoring import wins


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("levels", [2, 7, 10_000])
def test_wins_are_those_of_all_pairs(compiled, levels, monkeypatch):
    if compiled:
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(wins, "_loop", lambda: None)
    rng = np.random.default_rng(levels)
    groups, positive = rng.integers(0, 5, 60), rng.random(60) < 0.4
    scores = (rng.integers(0, levels, 60) / levels).astype(np.float32)
    rows = np.stack([np.zeros_like(scores), scores])
    _, found = wins.count_wins(positive, groups.astype(np.int64), rows, 6, np.float32)
    expected = np.zeros((6, 6))
    for i in np.flatnonzero(positive):
        for j in np.flatnonzero(~positive):
            expected[groups[i], groups[j]] += 2 * (scores[i] > scores[j]) + (scores[i] == scores[j])
    assert found.dtype == np.float32
    assert (found == expected).all()


@pytest.mark.parametrize("compiled", [True, False])
def test_without_a_positive_or_a_negative_nobody_wins(compiled, monkeypatch):
    if compiled:
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(wins, "_loop", lambda: None)
    scores, groups = np.linspace(0, 1, 8), np.zeros(8, np.int64)
    for positive in (np.ones(8, bool), np.zeros(8, bool)):
        (found,) = wins.count_wins(positive, groups, scores[None], 2, np.float64)
        assert not found.any()
