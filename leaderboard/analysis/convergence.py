"""Had the training of an entry converged? Shown by another entry that was trained at least twice as long."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ...benchmark.files.wording import plural
from ...benchmark.reporting.numbers import UNDEFINED, format_decimal, format_signed
from ...benchmark.submissions.card import Card
from ..ranking.board import Board, Row
from ..ranking.paired import seed_by_seed, shared_seeds

State: TypeAlias = Literal["converged", "not converged", "not shown"]
LENGTH = ("budget", "steps")  # the settings that decide nothing but the length of training
SOLVED = ("linear-probe",)  # what medshift does not train by steps
Families: TypeAlias = Mapping[str, Sequence[tuple[int, Row]]]
MARKS: Mapping[State, str] = {"converged": "", "not converged": "§", "not shown": "‡"}  # in tables
BY_EPOCHS = "epochs"  # the setting that decided it before steps did


@dataclass(frozen=True)
class Convergence:
    """Whether the training of an entry had converged.

    Args:
        state: `converged`, `not converged`, or `not shown` where nothing on the board tells.
        why: One sentence that says why.
        reason: Why it is not shown, in words that entries share; empty otherwise.
        steps: Length of the schedule in optimiser steps; None if it is not known, or if nothing was trained by steps.
        moved: By how much the figure on source validation is higher after the longer of the two trainings; NaN if
            nothing was compared.
        within: By how much it may move.
        against: The entry that it was compared with.
    """

    state: State
    why: str
    reason: str = ""
    steps: int | None = None
    moved: float = math.nan
    within: float = math.nan
    against: str = ""

    @property
    def text(self) -> str:
        """The number of steps as tables print it, with the mark of its state: `3,000`, `3,000 ‡`, `– ‡`."""
        return f"{UNDEFINED if self.steps is None else f'{self.steps:,}'} {MARKS[self.state]}".rstrip()

    @property
    def note(self) -> str:
        """The same below another number, as the page prints it: `3,000 steps ‡`, `‡`; empty if there is nothing."""
        return " ".join(filter(None, ["" if self.steps is None else plural(self.steps, "step"), MARKS[self.state]]))


def convergence(board: Board) -> dict[str, Convergence]:
    """Decide for every entry whether its training had converged: name -> state.

    The ranking metric on source validation is compared between two entries that differ in nothing but the length of
    training (settings `budget` and `steps`; the number of draws of tuning counts as a setting), of which one has a
    schedule at least twice as long. It moves by the mean, over the seeds that both have, of the longer one's figure
    minus the shorter one's on the same images; without a seed in common, by the difference of their means. It may move
    by half the width of the 95 % interval (over groups and seeds) of either figure, of which the narrower counts: seeds
    that were stopped half-way differ much, and would excuse themselves by a wide interval.

    An entry has converged if none of the longer ones moves by more: a random start may rest on a plateau while its
    steps are doubled, and leave it when they are doubled again. Where the board has nothing twice as long, it has
    converged if the longest of at most half its length had, by which both count. Of entries with the very same training
    (steps and losses of every seed), such as test-time methods on one source model, those without a state of their own
    take that of another. A baseline of medshift's that is not trained by steps, but solved, needs none of this.

    What is claimed is held against all entries, but shows nothing of those that were run again.
    """
    among_all = _states(board, board.rows)
    return (
        {**among_all, **_states(board, [row for row in board.rows if not row.claimed])} if board.claimed else among_all
    )


def _states(board: Board, rows: Sequence[Row]) -> dict[str, Convergence]:
    """Decide for some entries whether their training had converged, by these alone."""
    families = _families(rows)
    found = {row.name: _from_longer(board, row, families) for row in rows}
    for row in rows:
        if found[row.name].state == "not shown":
            found[row.name] = _from_shorter(board, row, families, found) or found[row.name]
    shown = [row for row in rows if found[row.name].state != "not shown" and found[row.name].steps]
    origins = _by_training(sorted(shown, key=lambda row: (found[row.name].state == "converged", row.name)))
    inherited = {}
    for row in rows:
        if found[row.name].state == "not shown" and (origin := _same_training(row, origins)):
            given = found[origin.name]
            why = f"its training is that of {origin.name}, of which holds: {given.why}"
            inherited[row.name] = replace(given, why=why)
    return {**found, **inherited}


def schedule(row: Row) -> int | None:
    """Return the length of an entry's schedule in steps; None unless all of its seeds record the same one."""
    lengths = {card.training.steps if card.training else None for card in row.cards}
    return lengths.pop() if len(lengths) == 1 else None


def _families(rows: Sequence[Row]) -> dict[str, list[tuple[int, Row]]]:
    """Group the entries of known length by all that decides them but that length: key -> (steps, entry), by length."""
    found: dict[str, list[tuple[int, Row]]] = {}
    for row in rows:
        steps = schedule(row)
        if steps is not None:
            found.setdefault(method(row), []).append((steps, row))
    return {key: sorted(members, key=lambda each: (each[0], each[1].name)) for key, members in found.items()}


def method(row: Row) -> str:
    """Describe all that decides an entry but its seeds and the length of its training."""
    baseline, tuning = row.cards[0].baseline, row.cards[0].tuning
    settings = {name: value for name, value in baseline.config.items() if name not in LENGTH}
    what = [baseline.name, baseline.distribution, baseline.sees, settings, tuning and tuning.draws]
    return json.dumps(what, sort_keys=True)


def _from_longer(board: Board, row: Row, families: Families) -> Convergence:
    """Hold an entry against all that were trained at least twice as long; one that moves by more decides."""
    steps = schedule(row)
    if steps is None:
        return _without_steps(row)
    longer = [other for length, other in families[method(row)] if length >= 2 * steps]
    tested = [each for other in longer if (each := _compared(board, row, other, of=row))]
    decisive = next((each for each in tested if each.state == "not converged"), next(iter(tested), None))
    if decisive is not None:
        return decisive
    if longer:
        why = f"{board.title} on source validation is undefined or has no interval"
        return Convergence("not shown", why, "source validation has no interval", steps)
    why = "no entry on the board was trained at least twice as long with the same settings"
    return Convergence("not shown", why, "no entry has twice their steps", steps)


def _from_shorter(board: Board, row: Row, families: Families, found: Mapping[str, Convergence]) -> Convergence | None:
    """Take an entry as converged if the longest of at most half its length had."""
    steps = schedule(row)
    if steps is None:
        return None
    shorter = [other for length, other in families[method(row)] if 2 * length <= steps]
    if not shorter or found[shorter[-1].name].state != "converged":
        return None
    return _compared(board, shorter[-1], row, of=row)


def _compared(board: Board, shorter: Row, longer: Row, of: Row) -> Convergence | None:
    """Say of either entry whether the figure on source validation moves from the shorter to the longer training."""
    (key,) = (condition.key for condition in board.protocol.conditions() if condition.kind == "validation")
    figures = [row.conditions[key, board.rank_by] for row in (shorter, longer)]
    moved = figures[1].value - figures[0].value
    if shared_seeds(shorter, longer):
        moved = float(seed_by_seed(longer, shorter, "validation")[:, 0].mean())
    widths = [(figure.high - figure.low) / 2 for figure in figures]
    within = min(widths)
    if math.isnan(moved) or any(map(math.isnan, widths)):
        return None
    steps, length = schedule(shorter), schedule(longer)
    other = shorter if of is longer else longer
    lead = f"with {length:,} steps ({other.name}) in place of {steps:,}"
    if of is longer:
        lead = f"with its {length:,} steps in place of {steps:,} ({other.name})"
    state: State = "converged" if abs(moved) <= within else "not converged"
    why = (
        f"{lead}, {board.title} on source validation moves by {format_signed(moved)}, "
        f"{'no more' if state == 'converged' else 'more'} than half its 95 % interval ({format_decimal(within)})"
    )
    return Convergence(state, why, "", schedule(of), moved, within, other.name)


def _without_steps(row: Row) -> Convergence:
    """Decide of an entry of which no number of steps is known."""
    baseline = row.cards[0].baseline
    if baseline.brought:
        why = "it was fitted before it was brought, without a record of its training"
        return Convergence("not shown", why, "brought, without a record of training")
    if baseline.external:
        why = "it was made outside medshift, without a record of its training"
        return Convergence("not shown", why, "made outside medshift, without a record of training")
    untrained = all(card.training is None for card in row.cards)
    if untrained and BY_EPOCHS in baseline.config:
        why = "it was trained by epochs, in a version of medshift that recorded no steps"
        return Convergence("not shown", why, "trained by epochs, before steps were recorded")
    if untrained and baseline.distribution.startswith("medshift ") and baseline.name in SOLVED:
        return Convergence("converged", "it is not trained by steps, but solved")
    why = "not all of its seeds record the same number of steps"
    return Convergence("not shown", why, "steps not recorded")


def _training(card: Card) -> object:
    claim = card.training
    return None if claim is None or not claim.losses else (card.seed, claim.steps, claim.run, claim.kept, claim.losses)


def _by_training(rows: Iterable[Row]) -> dict[object, list[Row]]:
    """Index entries by the training of each of their seeds."""
    found: dict[object, list[Row]] = {}
    for row in rows:
        for card in row.cards:
            found.setdefault(_training(card), []).append(row)
    return found


def _same_training(row: Row, origins: Mapping[object, Sequence[Row]]) -> Row | None:
    """Find the first entry that has the very same training for every seed of this one."""
    trainings = [_training(card) for card in row.cards]
    if None in trainings:
        return None
    others = [{other.name for other in origins.get(training, ())} for training in trainings]
    common = set.intersection(*others)
    return next((other for other in origins.get(trainings[0], ()) if other.name in common), None)


def footnotes(states: Iterable[Convergence]) -> list[str]:
    """Explain the marks that the states of a table have."""
    kinds = {each.state for each in states}
    meanings: Mapping[State, str] = {
        "not shown": "Not shown to have converged: the board has no entry of the same settings and at least twice the "
        "steps, or the steps are not recorded",
        "not converged": "Not converged: more steps move it on source validation by more than half its interval",
    }
    return [f"{MARKS[state]} {meaning}." for state, meaning in meanings.items() if state in kinds]
