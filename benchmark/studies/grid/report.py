"""The findings of a study over its grid: answers, figures, the table of cells, and what a reader must know."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ...files.wording import plural
from ...reporting.numbers import UNDEFINED, format_estimate
from ...submissions.card import Card
from ..findings import Answered, Curve, Drawing, Findings, Point, Table
from ..stored import StoredStudy
from ..study import Axis, Figure, Setting
from .answers import FIGURES, answer
from .cells import SHARES, Cell, Grid, read_grid

COLUMNS: tuple[Figure, ...] = ("clean", "real", "synthesized", "shifted", "drop", "steps-95")
HEADINGS = {
    "steps-90": "Steps to 90 %",
    "steps-95": "Steps to 95 %",
    "common-90": "Steps to a common level, 90 %",
    "common-95": "Steps to a common level",
}
FEW_SEEDS = 3
SHOWN = 3  # submissions that a sentence names
OFF = 0.05  # share of a level from which the fraction of whole patients is told


def report(
    stored: StoredStudy, folder: Path, progress: Callable[[str], None] = lambda name: None
) -> tuple[Findings, Grid]:
    """Make the findings of a study from its folder; return them and the grid.

    Raises:
        MedshiftError: No run is finished, or the folder is damaged.
    """
    grid = read_grid(stored, folder, progress)
    answers = [answer(grid, asked) for asked in stored.study.answers]
    return (
        Findings(
            answers,
            [drawing for figure in stored.study.draw if (drawing := _drawing(grid, figure))],
            [_cells(grid)],
            list(_records(grid)),
            list(_doubts(grid, answers)),
            list(_cards(grid)),
        ),
        grid,
    )


def name_of(grid: Grid, cell: Cell, without: Axis | None = None) -> str:
    """Name a cell for people: its arm, and its levels but for one axis."""
    arm = grid.stored.study.arms[cell.arm]
    axes = [axis for axis in grid.stored.study.axes if axis.name in cell.levels and axis != without]
    levels = [f"{axis.name} {axis.level_name(cell.levels[axis.name])}" for axis in axes]
    return ", ".join([arm.title or cell.arm, *levels])


def _drawing(grid: Grid, figure: Figure) -> Drawing | None:
    """Draw a figure over the first axis, a curve per arm and level of the other axes; None if it is undefined."""
    axis = grid.stored.study.axes[0] if grid.stored.study.axes else None
    curves: dict[str, list[Point]] = {}
    flat: dict[str, bool] = {}
    for cell in grid.cells:
        value, low, high, _ = _shown(grid, cell, figure)
        if math.isnan(value):
            continue
        name = name_of(grid, cell, axis)
        level = None if axis is None else cell.levels.get(axis.name)
        flat[name] = level is None
        place = axis.position(level) if axis is not None and level is not None else 0.0
        curves.setdefault(name, []).append(Point(place, value, low, high))
    if not curves:
        return None
    drawn = [Curve(name, sorted(points, key=lambda point: point.x), flat[name]) for name, points in curves.items()]
    down = f"{grid.board.title}, {figure}" if figure not in SHARES else FIGURES[figure]
    across = (axis.title or axis.name) if axis is not None else ""
    ticks = _ticks(axis) if axis is not None else [(0.0, "")]
    title = FIGURES[figure]
    return Drawing(figure, title, across, down, drawn, ticks, axis is not None and axis.scale == "log")


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    """Label the levels; positions with a meaning of their own are labelled by themselves."""
    named = axis.level_name if axis.names else _short
    places = sorted((axis.position(level), named(level)) for level in axis.levels)
    if axis.positions and axis.scale == "linear":  # such as accuracies of networks: round numbers
        return []
    return [(place, f"{place:,g}") for place, _ in places] if axis.positions and axis.scale == "log" else places


def _short(level: Setting) -> str:
    return f"{level:g}" if isinstance(level, float) else str(level)


def _cells(grid: Grid) -> Table:
    """Write the table of all cells."""
    columns = _columns(grid)
    rows = [
        [
            name_of(grid, cell),
            str(len(cell.seeds)),
            _steps(cell),
            "–" if math.isnan(cell.epochs) else f"{cell.epochs:,.1f}",
            *(_figure(grid, cell, figure) for figure in columns),
        ]
        for cell in grid.cells
    ]
    heads = ["Method", "Seeds", "Steps", "Epochs", *(HEADINGS.get(figure, figure.capitalize()) for figure in columns)]
    kept = [place for place in range(len(heads)) if place < 3 or any(row[place] != "–" for row in rows)]
    return Table(
        f"All cells: {grid.board.title} with 95 % intervals",
        [heads[place] for place in kept],
        [[row[place] for place in kept] for row in rows],
        "Means over seeds; intervals are over patients, and over seeds if there are several; those of steps to a share "
        "or a level are over seeds and the distance between evaluations. Steps and epochs: of training. Drop: clean "
        "minus shifted. Steps to 95 %: until 95 % of what training gains on source validation is gained, the geometric "
        "mean; ≤ if a seed was there by its first evaluation; none if a seed gains nothing told from chance. To a "
        "common level: until 95 % of the least gain of all.",
    )


def _columns(grid: Grid) -> list[Figure]:
    """List the figures of tables: those of all studies, and the further ones that this study measures or draws."""
    study = grid.stored.study
    return list(dict.fromkeys([*COLUMNS, *(asked.figure for asked in study.answers), *study.draw]))


def _shown(grid: Grid, cell: Cell, figure: Figure, seeds: Sequence[int] = ()) -> tuple[float, float, float, bool]:
    """Return a figure, its interval, and whether it is at most that."""
    if figure in SHARES:
        steps = grid.steps(cell, figure, seeds)
        return steps.value, steps.low, steps.high, steps.at_most
    found = cell.estimate(figure, seeds)
    return found.value, *found.interval, False


def _figure(grid: Grid, cell: Cell, figure: Figure) -> str:
    if figure in SHARES:
        found = grid.steps(cell, figure)
        return UNDEFINED if math.isnan(found.value) else found.text
    value, low, high, _ = _shown(grid, cell, figure)
    return format_estimate(value, low, high)


def _steps(cell: Cell) -> str:
    """Tell the length of training that was run, and of its schedule if it was stopped early."""
    claims = [card.training for _, card in cell.cards if card.training is not None]
    if not claims:
        return "–"
    run = sum(claim.run for claim in claims) / len(claims)
    whole = claims[0].steps
    return f"{whole:,}" if round(run) == whole else f"{run:,.0f} of {whole:,}"


def _records(grid: Grid) -> Iterator[dict[str, object]]:
    """Yield a row of `study.csv` per cell and figure, and per seed."""
    study = grid.stored.study
    for cell in grid.cells:
        start: dict[str, object] = {"arm": cell.arm, "baseline": study.arms[cell.arm].baseline}
        start |= {axis.name: cell.levels.get(axis.name, "") for axis in study.axes}
        for figure in _columns(grid):
            for seed, which in [("all", []), *((str(seed), [seed]) for seed in cell.seeds)]:
                value, low, high, at_most = _shown(grid, cell, figure, which)
                if not math.isnan(value):
                    ends = (math.nan, math.nan) if which else (low, high)  # seeds by themselves have no interval here
                    numbers = ["" if math.isnan(each) else f"{each:.6g}" for each in (value, *ends)]
                    cells = dict(zip(("value", "low", "high"), numbers, strict=True))
                    yield {**start, "seed": seed, "figure": figure, **cells, "limit": "<=" if at_most else ""}


def _doubts(grid: Grid, answers: Sequence[Answered]) -> Iterator[str]:
    """Yield what a reader must know before believing the answer."""
    stored, board = grid.stored, grid.board
    if board.protocol.dataset.simulated:
        yield "The images are SIMULATED: the answer is about the simulator's scanners, not about patients."
    yield from stored.told_cuts
    if grid.missing:
        lacking = f"{len(grid.missing)} of {plural(len(stored.runs), 'run')}"
        yield f"{lacking} are not finished; answers are over the seeds and levels that are finished."
    if grid.stale:
        named = ", ".join(f"{run.entry}, seed {run.seed}" for run in grid.stale[:SHOWN])
        more = f" and {len(grid.stale) - SHOWN} more" if len(grid.stale) > SHOWN else ""
        yield (
            f"{plural(len(grid.stale), 'submission')} left out, made with other settings, code or images than the "
            f"study's: {named}{more}."
        )
    if grid.refused:
        yield f"{plural(len(grid.refused), 'submission')} refused and left out: {'; '.join(grid.refused[:SHOWN])}"
    yield from _few_seeds(stored.study.seeds, answers)
    yield from _rounded(grid)
    few = [f"{site} ({plural(count, 'patient')})" for site, count in board.few_groups.items()]
    if few:
        yield f"Sites with few patients in their test: {', '.join(few)}."
    yield from stored.study.limits


def _few_seeds(planned: int, answers: Sequence[Answered]) -> Iterator[str]:
    """Yield how few seeds there are behind the answers; those that are not finished are behind none."""
    behind = [each.found.seeds for each in answers if each.found.seeds]
    fewest = min([planned, *behind])
    if fewest < planned and fewest < FEW_SEEDS:
        over = f"Some answers are over {plural(fewest, 'seed')} of {planned}"
        yield f"{over}, which says little of how they vary from training to training."
    elif fewest < FEW_SEEDS:
        only = "One seed says" if fewest == 1 else f"{fewest} seeds say"
        yield f"{only} little of how the answer varies from training to training."


def _rounded(grid: Grid) -> Iterator[str]:
    """Yield where whole patients are another fraction of the labels than a level says."""
    for axis in grid.stored.study.axes:
        if axis.kind == "labels":
            found = {cell.levels[axis.name]: grid.fraction(cell) for cell in grid.cells if axis.name in cell.levels}
            real = {level: kept for level, kept in found.items() if abs(kept - float(level)) > OFF * float(level)}
            told = ", ".join(f"{axis.level_name(level)} is {kept:.2g}" for level, kept in sorted(real.items()))
            if told:
                yield f"Whole patients are kept, so that of {axis.name}, {told}; what is saved is read at these."


def _cards(grid: Grid) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what the card of every run says, in a few words."""
    for cell in grid.cells:
        for protocol, card in cell.cards:
            about = _card(protocol, card) | {"labels": grid.labels[protocol]}
            yield f"{name_of(grid, cell)}, seed {card.seed}", about


def _card(protocol: str, card: Card) -> dict[str, str]:
    where = card.environment
    config = ", ".join(f"{key}={value}" for key, value in card.baseline.config.items())
    found = {
        "submission": f"{protocol}/{card.entry}/seed-{card.seed}",
        "method": f"{card.baseline.name} of {card.baseline.distribution}, sees {card.baseline.sees}",
        "settings": config or "none",
        "machine": f"{where.device}, {plural(where.threads, 'thread')}, {where.precision}, Python {where.python}",
        "time": f"{card.timings.fit_s:,.0f} s to fit, {card.timings.predict_s:,.0f} s to predict",
        "predictions": f"sha256 {card.predictions.sha256[:12]}",
        "code": " ".join(filter(None, (card.code.version, (card.code.commit or "")[:12]))),
    }
    if card.training is not None:
        claim = card.training
        found["training"] = f"{claim.run:,} of {claim.steps:,} steps, weights of step {claim.kept:,} kept"
    return found
