"""Rank correlations in which each trained network counts once, and how often they find a difference where none is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.boards import page, ranked_board
from scipy import stats

from medshift.leaderboard.analysis.correlation import correlation
from medshift.leaderboard.analysis.rank_correlations import kendall, shared_weights, spearman, spearman_columns

NETWORKS, DRAWS = 8, 200
METHODS = ("imagenet-finetune", "tent", "adabn", "sar")  # all of them on one network
FIGURES = ("clean", "synthesized", "shift/gamma", "real", "real/site-b")


def test_whole_weights_are_as_many_rows():
    rng = np.random.default_rng(3)
    values, weights = rng.integers(0, 8, (20, 5)).astype(float), rng.integers(0, 4, 20)
    repeated = np.repeat(values, weights, axis=0)
    found, tau = (each(values, 3, weights.astype(float)) for each in (spearman, kendall))
    for p in range(3):
        for s in range(2):
            one, other = repeated[:, p], repeated[:, 3 + s]
            assert found[p, s] == pytest.approx(stats.spearmanr(one, other).statistic)
            assert tau[p, s] == pytest.approx(stats.kendalltau(one, other).statistic)
    by_column = spearman_columns(values[:, :2], values[:, 3:], np.repeat(weights[:, None].astype(float), 2, axis=1))
    assert by_column == pytest.approx(np.diag(found[:2]))


def test_missing_and_constant_columns_are_undefined_and_rows_without_weight_do_not_matter():
    values = np.arange(12.0).reshape(4, 3)
    values[2, 0], values[:, 1] = np.nan, 0.1
    weights = np.array([0.3, 0.1, 0.2, 0.7])
    for each in (spearman, kendall):
        assert np.isnan(each(values, 2, weights)).all()
    assert spearman(values, 2, np.array([1, 1, 0, 1.0]))[0, 0] == 1


def test_copies_on_one_network_move_nothing():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(9, 3))
    numbers = np.array([*range(9), *[4] * 6])
    copied = np.concatenate([values, np.repeat(values[4:5], 6, axis=0)])
    assert spearman(copied, 2, shared_weights(numbers)) == pytest.approx(spearman(values, 2))
    assert kendall(copied, 2, shared_weights(numbers)) == pytest.approx(kendall(values, 2))
    assert spearman(copied, 2) != pytest.approx(spearman(values, 2), abs=0.1)


@pytest.fixture(scope="module")
def board(fabricate, tmp_path_factory):
    """Four entries on each of eight trained networks, which differ in the rate; they are given other figures below."""
    entries = {
        f"{name}+lr={number}": {"config": {"arch": "resnet18", "lr": number / 1000}}
        for number in range(1, NETWORKS + 1)
        for name in METHODS
    }
    return ranked_board(fabricate, tmp_path_factory, entries, DRAWS, severities=(3,))


def given(board, figures, noise, rng):
    """Copy a board with these (entries, 3) figures of clean, synthesized and real, measured with noise."""
    rows = []
    for row, own in zip(board.rows, figures, strict=True):
        values, replicates = row.aggregates.values.copy(), row.scored.replicates.copy()
        for name, figure in zip(FIGURES, own[[0, 1, 1, 2, 2]], strict=True):
            at = row.aggregates.names.index(name)
            values[at], replicates[at] = figure, figure + noise * rng.normal(size=DRAWS)
        scored = replace(row.scored, replicates=replicates)
        rows.append(replace(row, aggregates=replace(row.aggregates, values=values), scored=scored))
    return replace(board, rows=rows)


def network_of(board):
    return np.array([int(row.name.partition("=")[2]) - 1 for row in board.rows])


def test_synthesized_shifts_that_predict_no_better_than_clean_are_rarely_said_to(board):
    """Clean and synthesized figures of a network go with its real ones equally well; its entries differ little."""
    rng, told = np.random.default_rng(11), []
    for _ in range(60):
        real = rng.normal(size=(NETWORKS, 1))
        of_network = np.concatenate([real + rng.normal(size=(NETWORKS, 2)), real], axis=1)[network_of(board)]
        found = correlation(given(board, of_network + 0.1 * rng.normal(size=of_network.shape), 0.05, rng))
        told.append(found.rows[1].beats or found.rows[1].fails)
    assert np.mean(told) <= 0.1  # 0; with entries drawn one by one, a third of them


def test_what_is_counted_is_said(board):
    rng = np.random.default_rng(2)
    found = correlation(given(board, rng.normal(size=(len(board.rows), 3)), 0.05, rng))
    assert (found.entries, found.networks) == (32, 8)
    assert "over 32 entries on 8 trained networks, each of which counts once, the rank" in found.answer
    assert "8 trained networks are few" in found.answer
    text = " ".join(page(board).split())
    assert "correlation over 32 entries on 8 trained networks: does" in text
    few = replace(board, rows=[row for row in board.rows if "lr=1" in row.name or "lr=2" in row.name])
    answer = correlation(few).answer
    assert answer.startswith(
        "With 8 entries on 2 trained networks this cannot be answered yet: two unrelated orders of"
    )
    assert "At least 5 trained networks that differ" in answer


def test_a_column_with_a_missing_value_has_no_correlation_of_columns():
    gap, whole = np.array([[1.0, 1.0], [math.nan, 2.0], [3.0, 3.0]]), np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    found = spearman_columns(gap, whole)
    assert math.isnan(found[0])
    assert found[1] == 1
