"""Weighted wins are those of all pairs of a positive and a negative, whoever sums them."""

from __future__ import annotations

import numpy as np
import pytest

from medshift.benchmark.scoring import auroc, wins


def made(levels, kind=np.float64, samples=60, groups=6, weightings=5):
    """Return positives, groups, rows of scores and whole weights, among them groups that count zero times."""
    rng = np.random.default_rng(levels)
    scores = (rng.integers(0, levels, (3, samples)) / levels).astype(np.float32)
    scores[0] = 0
    weights = rng.integers(0, 4, (weightings, groups)).astype(kind)
    return rng.random(samples) < 0.4, rng.integers(0, groups - 1, samples), scores, weights


def by_pairs(positive, groups, rows, weights):
    """Sum pair by pair."""
    won = np.zeros((len(rows), len(weights)))
    for i in np.flatnonzero(positive):
        for j in np.flatnonzero(~positive):
            twice = 2 * (rows[:, i] > rows[:, j]) + (rows[:, i] == rows[:, j])
            won += twice[:, None] * weights[:, groups[i]] * weights[:, groups[j]]
    return won


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [2, 7, 10_000])
def test_wins_are_those_of_all_pairs(levels, kind):
    pytest.importorskip("numba")
    given = made(levels, kind)
    found = wins.weighted_wins(*given, wins.summing_loop())
    assert found.dtype == kind
    assert (found == by_pairs(*given)).all()


def test_blocks_of_weightings_change_nothing(monkeypatch):
    pytest.importorskip("numba")
    given = made(7, weightings=23)
    whole = wins.weighted_wins(*given, wins.summing_loop())
    monkeypatch.setattr(wins, "CELLS", 1)
    monkeypatch.setattr(wins, "LEAST", 5)
    assert (wins.weighted_wins(*given, wins.summing_loop()) == whole).all()


@pytest.mark.parametrize("levels", [2, 7, 10_000])
def test_the_area_has_the_same_bits_without_numba(levels, monkeypatch):
    positive, groups, rows, weights = made(levels)
    usual = auroc.binary_auroc(positive, rows, groups, weights)
    monkeypatch.setattr(auroc, "summing_loop", lambda: None)
    again = auroc.binary_auroc(positive, rows, groups, weights)
    assert np.isfinite(usual).any()
    assert np.array_equal(usual, again, equal_nan=True)


def test_sums_that_single_precision_cannot_hold_are_exact():
    # 6,000 positives and 6,000 negatives of one group: 72 million, in steps that float32 would round
    scores = np.arange(12_000, dtype=np.float32)[None]
    positive = np.arange(12_000) % 2 == 1
    (area,) = auroc.binary_auroc(positive, scores, np.zeros(12_000, np.int64), np.ones((1, 1)))[0]
    assert area == 6_000 * 6_001 / 2 / 6_000**2


def test_weights_that_are_not_whole_count_in_full():
    positive, groups, rows, weights = made(7)
    found = auroc.binary_auroc(positive, rows, groups, weights + 0.25)
    mine, theirs = ((weights + 0.25) @ np.bincount(groups[kind], minlength=6) for kind in (positive, ~positive))
    assert found == pytest.approx(by_pairs(positive, groups, rows, weights + 0.25) / (2 * mine * theirs))


@pytest.mark.parametrize("everyone", [True, False])
def test_without_a_positive_or_a_negative_there_is_no_area(everyone):
    scores, groups = np.linspace(0, 1, 8)[None], np.zeros(8, np.int64)
    assert np.isnan(auroc.binary_auroc(np.full(8, everyone), scores, groups, np.ones((3, 1)))).all()
