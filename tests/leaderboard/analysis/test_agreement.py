"""Whether boards order entries alike: intervals over entries and patients, which unrelated orders rarely clear of 0."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.boards import invented, ranked_board

from medshift.leaderboard.analysis.across.agreement import agreement
from medshift.leaderboard.analysis.across.answer import answer_across
from medshift.leaderboard.ranking.across import across

DRAWS = 200
METHODS = ("imagenet-finetune", "tent", "adabn", "sar")


@pytest.fixture(scope="module")
def board(fabricate, tmp_path_factory):
    """Twelve entries: four on one trained network, and eight on their own; they are given other figures below."""
    names = (*METHODS, *(f"scratch+lr={number}" for number in range(8)))
    return ranked_board(fabricate, tmp_path_factory, {name: {"config": {"arch": "resnet18"}} for name in names}, DRAWS)


def boards(board, orders, rng):
    """Copy a board with the figures of each order, measured with a tenth of the spread of the methods."""
    made = []
    for number, order in enumerate(orders):
        figures = {name: value + 0.012 * rng.normal() for name, value in order.items()}
        draws = {name: figure + 0.012 * rng.normal(size=DRAWS) for name, figure in figures.items()}
        made.append(invented(board, f"board-{number}", figures, draws))
    return made


@pytest.mark.parametrize("count", [5, 8])
@pytest.mark.parametrize("number", [2, 3])
def test_unrelated_orders_are_rarely_said_to_tell_of_each_other(board, count, number):
    rng, told = np.random.default_rng([count, number]), []
    names = [row.name for row in board.rows if row.name.startswith("scratch")][:count]
    for _ in range(40):
        orders = [dict(zip(names, 0.8 + 0.05 * rng.normal(size=count), strict=True)) for _ in range(number)]
        found = agreement(across(boards(board, orders, rng)))
        told.append(found.mean.low > 0 or found.mean.high < 0)
    assert np.mean(told) <= 0.1  # over patients alone, about a third of them


def test_orders_that_agree_are_said_to_and_what_is_counted(board):
    rng = np.random.default_rng(1)
    order = {row.name: 0.5 + 0.03 * place for place, row in enumerate(board.rows)}
    found = across(boards(board, [order] * 2, rng))
    agreed = agreement(found)
    assert (agreed.entries, agreed.networks) == (12, 9)
    assert agreed.mean.low > 0
    assert agreed.mean.low < agreed.mean.value <= agreed.mean.high
    (sentence, *_) = answer_across(found, agreed).sentences
    assert sentence.startswith(
        "The orders of the 12 entries on 9 trained networks that all boards rank have a rank corr"
    )
    assert "95 % interval over networks and patients" in sentence
    assert sentence.endswith("so the order on one board says something of that on another.")


def test_entries_on_one_network_are_too_few(board):
    order = dict(zip((*METHODS, "scratch+lr=0"), (0.9, 0.8, 0.7, 0.6, 0.5), strict=True))
    found = across(boards(board, [order] * 2, np.random.default_rng(1)))
    agreed = agreement(found)
    assert (agreed.entries, agreed.networks) == (5, 2)
    assert np.isnan(agreed.mean.low)
    assert answer_across(found, agreed).sentences[0] == (
        "The boards rank 5 entries on 2 trained networks in common; whether their orders agree can be told from 5 "
        "networks on."
    )
