"""The answers of a study over its grid: what is measured, the sentence, and the verdict on the claim."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from ..findings import Answered, Measured, signed, verdict
from ..study import Answer, Setting
from .cells import Cell, Grid
from .contrasts import correlation, saved, share, slope, weighted_sum

FIGURES = {
    "clean": "on clean images",
    "real": "at the real sites",
    "synthesized": "under synthesized shifts",
    "shifted": "under shift",
    "drop": "lost under shift",
    "steps-90": "steps to 90 % of each network's own gain",
    "steps-95": "steps to 95 % of each network's own gain",
    "common-90": "steps to a common level, 90 % of the least gain",
    "common-95": "steps to a common level, 95 % of the least gain",
}


def answer(grid: Grid, asked: Answer) -> Answered:
    """Measure an answer, and judge the claim."""
    found = _measured(grid, asked)
    data, board = grid.stored.data, grid.board
    dataset = data.name or board.protocol.dataset.name
    parts = {
        "value": found.text,
        "dataset": f"{dataset} (SIMULATED)" if board.protocol.dataset.simulated else dataset,
        "metric": board.title,
    }
    sentence = asked.sentence
    for name, text in parts.items():
        sentence = sentence.replace("{" + name + "}", text)
    what = title(grid, asked)
    if math.isnan(found.value):  # the note beside it says why
        sentence = f"There is no figure on {parts['dataset']} for: {what}."
    judged = verdict(found, asked.least, asked.most)
    return Answered(sentence, found, judged, claimed(asked), what)


def claimed(asked: Answer) -> str:
    """Write the range of a claim: `between -.020 and +.020`, `above 0`."""
    least, most = ("" if end is None else signed(end) if end else "0" for end in (asked.least, asked.most))
    return f"between {least} and {most}" if least and most else f"above {least}" if least else f"below {most}"


def title(grid: Grid, asked: Answer) -> str:
    """Say what was measured, from the names of arms and levels."""
    study = grid.stored.study
    of, against = (study.arms[name].title or name if name else "" for name in (asked.of, asked.against))
    at, base = (
        ", ".join(f"{name} {study.axis(name).level_name(level)}" for name, level in levels.items())
        for levels in (asked.at, asked.base)
    )
    end = f"{FIGURES[asked.figure]}{f', {at}' if at else ''}"
    if asked.measure == "difference":
        return f"{of} minus {against}, {end}"
    if asked.measure == "change":
        return f"{of}, change from {base}, {end}"
    if asked.measure == "share":
        return f"{of}, share of the gain from {base}, {end}"
    if asked.measure == "trend":
        subject = f"{of} minus {against}" if against else of
        per = "per doubling" if study.axis(asked.over).scale == "log" else "per unit"
        return f"{subject}, slope over {asked.over} {per}, {end}"
    if asked.measure == "saved":
        return f"labelled patients saved by {of} against {against}, {end}"
    return f"rank correlation of {asked.over} with {of}, {end}"


def _measured(grid: Grid, asked: Answer) -> Measured:
    """Compute the number of an answer."""
    if asked.measure in ("difference", "change", "share"):
        return _between_cells(grid, asked)
    axis = grid.stored.study.axis(asked.over)
    at = {**grid.last(), **asked.at}
    levels = list(axis.levels)
    ours = [_cell(grid, asked.of, {**at, axis.name: level}) for level in levels]
    theirs = [_cell(grid, asked.against, {**at, axis.name: level}) for level in levels] if asked.against else []
    kept = [
        place for place, cell in enumerate(ours) if cell and (not theirs or theirs[place] or asked.measure == "saved")
    ]
    positions = [axis.position(levels[place]) for place in kept]
    mine = [cell for cell in (ours[place] for place in kept) if cell]
    if asked.measure == "correlation":
        return correlation(mine, positions, asked.figure)
    if len(set(positions)) < 2:
        return Measured(math.nan, note=f"Fewer than two levels of {axis.name} are finished.")
    if asked.measure == "saved":
        last = _cell(grid, asked.against, {**at, axis.name: levels[-1]})
        if last is None or not ours[-1]:
            return Measured(math.nan, note="The runs with all labels are not finished.")
        # whole patients are kept: of few, a twentieth may be a quarter, and two levels the same training set
        different = {grid.fraction(cell): cell for cell in reversed(mine)}
        fractions = sorted(different)
        found = saved([different[fraction] for fraction in fractions], last, fractions, asked.figure)
    else:
        weights = slope(positions, log=axis.scale == "log")
        against = [cell for cell in (theirs[place] for place in kept) if cell] if theirs else []
        both = [*weights, *(-each for each in weights)] if against else weights
        found = weighted_sum([*mine, *against], both, asked.figure)
    lacking = len(levels) - len(mine)
    if lacking:
        note = f"{lacking} of {len(levels)} levels of {axis.name} are not finished."
        return replace(found, note=f"{found.note} {note}".strip())
    return found


def _between_cells(grid: Grid, asked: Answer) -> Measured:
    """Compute a number that rests on two or three cells."""
    at = {**grid.last(), **asked.at}
    wanted: list[tuple[str, Mapping[str, Setting]]] = [(asked.of, at)]
    if asked.measure == "difference":
        wanted.append((asked.against, at))
    else:
        wanted.insert(0, (asked.of, {**at, **asked.base}))
    if asked.measure == "share":
        wanted.append((asked.of, {**at, **asked.whole}))
    cells = [_cell(grid, arm, levels) for arm, levels in wanted]
    found = [cell for cell in cells if cell]
    if len(found) < len(cells):
        return Measured(math.nan, note="Its runs are not finished.")
    if asked.measure == "share":
        return share(found, asked.figure)
    return weighted_sum(found, [1.0, -1.0] if asked.measure == "difference" else [-1.0, 1.0], asked.figure)


def _cell(grid: Grid, arm: str, levels: Mapping[str, Setting]) -> Cell | None:
    return grid.find(arm, levels)
