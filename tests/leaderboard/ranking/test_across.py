"""Several boards by hand: mean ranks with their intervals, orders that agree, wins and losses, and what holds where."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.boards import invented, ranked_board

from medshift.leaderboard.analysis.across.agreement import agreement
from medshift.leaderboard.analysis.across.answer import answer_across
from medshift.leaderboard.analysis.across.duels import bests, duels
from medshift.leaderboard.analysis.across.holds import findings_by_board
from medshift.leaderboard.analysis.correlation import Correlation, HeatRow
from medshift.leaderboard.ranking.across import across
from medshift.leaderboard.ranking.comparisons import rank_intervals

DRAWS = 40
NAMES = ("imagenet-finetune", "linear-probe", "lp-ft", "scratch", "cbr-tiny", "tent", "adabn", "coral")


@pytest.fixture(scope="module")
def board(fabricate, tmp_path_factory):
    """A board whose entries are given other figures below."""
    entries = {name: {"training": fabricate.trained(3000)} for name in NAMES}
    return ranked_board(fabricate, tmp_path_factory, entries, DRAWS)


def half(one, other):
    return np.where(np.arange(DRAWS) < DRAWS // 2, one, other)


A, B, C = "imagenet-finetune", "scratch", "linear-probe"


def two(board, **more):
    """A is first on one board; on the other, B is, but A in half of the draws."""
    return [
        invented(board, "one", {A: 0.9, B: 0.8, C: 0.7}),
        invented(board, "two", {A: 0.8, B: 0.9, C: 0.7}, {A: half(0.8, 0.95)}, **more),
    ]


def test_a_mean_rank_and_its_interval_are_those_computed_by_hand(board):
    found = across(two(board))
    assert {entry.name: entry.ranks for entry in found.entries} == {
        A: {"one": (1, 1, 1), "two": (2, 1, 3)},  # its draws reach above B, and it is not told from C
        B: {"one": (2, 2, 2), "two": (1, 1, 2)},
        C: {"one": (3, 3, 3), "two": (3, 2, 3)},
    }
    assert {entry.name: tuple(entry.mean) for entry in found.entries} == {
        A: (1.5, 1.0, 2.0),
        B: (1.5, 1.5, 2.0),
        C: (3.0, 2.5, 3.0),
    }
    assert [entry.name for entry in found.entries] == [A, B, C]


def test_an_interval_over_boards_is_the_mean_of_wider_ones(board):
    # beside C, A is better and B is not told apart, on both boards
    noise = np.random.default_rng(0).normal(0, 0.02, (3, DRAWS))
    figures = {A: 0.9, B: 0.71, C: 0.7}
    draws = {name: figure + noise[place] for place, (name, figure) in enumerate(figures.items())}
    found = across([invented(board, name, figures, draws) for name in ("one", "two")])
    assert {entry.name: tuple(entry.mean) for entry in found.entries} == {A: (1, 1, 1), B: (2, 2, 3), C: (3, 2, 3)}
    ends = rank_intervals(found.boards[0].pairs, [0, 1, 2], 1 - 1e-12)
    assert ends.tolist() == [[1, 3]] * 3


def test_draws_of_two_boards_are_independent_though_their_patients_are_as_many(board):
    draws = {A: half(0.8, 0.95)}
    boards = [invented(board, name, {A: 0.8, B: 0.9}, draws) for name in ("one", "two")]
    found = across(boards)
    first = [found.draws[name][0] > found.draws[name][1] for name in ("one", "two")]
    assert [each.sum() for each in first] == [DRAWS / 2] * 2
    assert 0 < (first[0] & first[1]).sum() < DRAWS / 2


def test_ranks_are_among_the_entries_with_the_same_access_that_all_boards_share(board):
    one = invented(board, "one", {A: 0.6, B: 0.7, C: 0.8, "lp-ft": 0.9, "tent": 0.5})
    found = across([one, invented(board, "two", {A: 0.6, B: 0.7, C: 0.8, "tent": 0.95})])
    assert {entry.name: entry.mean.value for entry in found.entries} == {C: 1, B: 2, A: 3, "tent": 1}
    assert found.by_sees().keys() == {"source", "test-batches"}


def test_an_entry_of_two_boards_out_of_three_is_named_without_a_mean_rank(board):
    boards = [
        invented(board, "one", {A: 0.9, B: 0.8, C: 0.7}),
        invented(board, "two", {A: 0.9, B: 0.8, C: 0.7}),
        invented(board, "three", {A: 0.9, B: 0.8}),
    ]
    found = across(boards)
    assert [(entry.name, bool(entry.ranks)) for entry in found.entries] == [(A, True), (B, True), (C, False)]
    assert found.entries[-1].rows.keys() == {"one", "two"}
    assert math.isnan(found.entries[-1].mean.value)


def test_claimed_entries_have_no_rank_here_either(board):
    boards = two(board, **{B: {"claimed": True}})
    found = across(boards)
    assert {entry.name: bool(entry.ranks) for entry in found.entries} == {A: True, C: True, B: False}
    assert found.ranked[0].ranks == {"one": (1, 1, 1), "two": (1, 1, 2)}
    assert duels(found) == []  # none from scratch is left


def test_an_entry_that_is_only_claimed_does_not_bring_a_board_in(board):
    claimed = invented(board, "three", {A: 0.9, "lp-ft": 0.8}, **{A: {"claimed": True}})
    found = across([*two(board), claimed])
    assert found.names == ["one", "two"]
    assert all(entry.ranks for entry in found.entries)


def test_one_board_or_boards_without_a_common_entry_are_not_compared(board):
    one = invented(board, "one", {A: 0.9, B: 0.8})
    assert across([one]) is None
    assert across([one, invented(board, "two", {C: 0.9})]) is None
    assert across([one, replace(invented(board, "two", {A: 0.9, B: 0.8}), own=False)]) is None


CHANGED = {
    "budget": lambda card: {"config": {**card.baseline.config, "budget": "long"}},
    "access": lambda card: {"sees": "test-batches"},
    "publisher": lambda card: {"distribution": "other 1.0"},
    "method": lambda card: {"name": "another"},
}


@pytest.mark.parametrize("what", CHANGED)
def test_entries_of_one_name_but_another_budget_or_method_are_not_the_same(board, what):
    one = invented(board, "one", {A: 0.9, B: 0.8})
    two = invented(board, "two", {A: 0.9, B: 0.8})
    (row,) = (row for row in two.rows if row.name == A)
    card = row.cards[0]
    other = card.model_copy(update={"baseline": card.baseline.model_copy(update=CHANGED[what](card))})
    changed = replace(two, rows=[replace(each, cards=(other,)) if each is row else each for each in two.rows])
    assert [entry.name for entry in across([one, two]).entries] == [A, B]
    assert [entry.name for entry in across([one, changed]).entries] == [B]


def test_orders_agree_as_spearman_and_kendall_say(board):
    order = dict(zip(NAMES[:5], (0.9, 0.8, 0.7, 0.6, 0.5), strict=True))
    swapped = order | {NAMES[0]: 0.8, NAMES[1]: 0.9}
    one, two = invented(board, "one", order), invented(board, "two", swapped)
    found = agreement(across([one, two]))
    assert (found.entries, found.networks) == (5, 5)
    assert found.mean.value == pytest.approx(0.9)
    assert found.mean.low < 0.5  # with other entries it may be another, however sure their figures are
    assert found.mean.high == 1
    assert found.concordance == pytest.approx(0.95)
    three = agreement(across([one, two, invented(board, "three", {name: -x for name, x in order.items()})]))
    assert [round(value, 6) for *_, value in three.pairs] == [0.9, -1.0, -0.9]
    assert three.mean.value == pytest.approx(-1 / 3)
    few = agreement(across([invented(board, name, {A: 0.9, B: 0.8}) for name in ("one", "two")]))
    assert math.isnan(few.mean.low)


def test_wins_and_losses_count_supported_differences_of_the_best_entries(board):
    noise = {C: 0.6 + np.linspace(-0.4, 0.4, DRAWS)}
    boards = [
        invented(board, "better", {A: 0.9, C: 0.5, B: 0.8, "coral": 0.7}),
        invented(board, "worse", {A: 0.6, C: 0.7, B: 0.8, "coral": 0.9}),
        invented(board, "open", {A: 0.5, C: 0.6, B: 0.59, "coral": 0.2}, noise),
    ]
    found = across(boards)
    transfer = {(duel.one, duel.other): dict(duel.outcomes) for duel in duels(found)}
    assert transfer["ImageNet transfer", "training from scratch"] == {
        "better": "better",
        "worse": "worse",
        "open": "not told apart",
    }
    assert bests(found)["worse"]["ImageNet transfer"].name == C
    assert [*bests(found)["worse"]] == ["adaptation", "training from scratch", "ImageNet transfer"]
    assert answer_across(found, agreement(found)).line == (
        "No approach leads on every board: ImageNet transfer on better and open; adaptation on worse."
    )


def test_an_approach_that_leads_everywhere_is_said_to_with_the_boards_that_support_it(board):
    noise = {A: 0.81 + np.linspace(-0.4, 0.4, DRAWS)}
    sure = {A: 0.9, B: 0.8, "coral": 0.7}
    unsure = invented(board, "two", {A: 0.81, B: 0.8, "coral": 0.7}, noise)
    for boards, line in (
        ([invented(board, "one", sure), invented(board, "two", sure)], "and its lead is supported on each"),
        ([invented(board, "one", sure), unsure], "but its lead is supported on 1 of them"),
    ):
        found = across(boards)
        said = answer_across(found, agreement(found))
        assert said.line == f"ImageNet transfer leads on both boards, {line}; the order of the others is the same too."
        assert len(said.sentences) == 2


def test_a_lead_among_the_shared_entries_is_said_to_be_that(board):
    sure = {A: 0.9, B: 0.8}
    boards = [invented(board, "one", sure), invented(board, "two", {**sure, "lp-ft": 0.95})]
    found = across(boards)
    said = answer_across(found, agreement(found)).line
    assert said.startswith(
        f"Among the entries that all boards rank ({A} and {B}), ImageNet transfer leads on both boards, and its lead"
    )


def heat(gain, *, beats=False, fails=False):
    rows = [HeatRow(name, "", [], (gain, gain - 0.1, gain + 0.1), beats, fails) for name in ("clean", "synthesized")]
    return Correlation(8, 8, ["site-b", "all sites"], rows, "", "")


def test_a_finding_is_supported_opposite_open_or_cannot_be_told_on_each_board(board):
    noise = {A: 0.81 + np.linspace(-0.4, 0.4, DRAWS)}
    boards = [
        invented(board, "yes", {A: 0.9, B: 0.8}),
        invented(board, "no", {A: 0.8, B: 0.9}),
        invented(board, "open", {A: 0.81, B: 0.8}, noise),
        invented(board, "without", {A: 0.9, "lp-ft": 0.8}),
    ]
    found = findings_by_board(boards, [heat(0.3, beats=True), heat(-0.3, fails=True), heat(0.01), None])
    told = {row.text: [each.verdict for each in row.stated.values()] for row in found}
    every = ["supported", "opposite", "not supported", "cannot be told"]
    assert told["ImageNet transfer is better than training from scratch under shift"] == every
    assert told["Synthesized shifts predict the real ones better than clean performance does"] == every
    leads = told["imagenet-finetune leads the methods that see source"]
    assert leads == ["supported", "opposite", "not supported", "supported"]
    assert not any("adaptation" in text for text in told)  # no board can tell anything of it
    assert [row.holds for row in found][:2] == ["on 1 of 4 boards"] * 2
    of_equal = {row.text: row.stated for row in findings_by_board(boards[:2], [heat(math.nan), heat(0.3, beats=True)])}
    undefined = of_equal["Synthesized shifts predict the real ones better than clean performance does"]["yes"]
    assert (undefined.verdict, "nan" in undefined.why) == ("cannot be told", False)
    same = findings_by_board(boards[:1] * 2, [None, None])
    assert same[0].holds == "on every board"
