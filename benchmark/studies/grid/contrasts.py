"""Numbers over cells, with intervals over patients and seeds: weighted sums exactly paired, others by resampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...reporting.numbers import format_decimal
from ...scoring.bootstrap import interval
from ...scoring.estimate import NONE, Estimate, weighted
from ...scoring.intervals import TAIL
from ...scoring.still import openness
from ...submissions.learning_speed import StepsTo, common_level
from ..findings import Measured
from ..study import Figure
from .cells import COMMON, SHARES, Cell

Floats = NDArray[np.float64]
LEAST_NETWORKS = 3  # over which a rank correlation is computed
LEAST_JUDGED = 5  # over which its interval is
ONE_SEED = "One seed: the interval is over patients alone."
FALLING: tuple[Figure, ...] = (*SHARES, "drop")  # of which less is better
NOTHING = math.nan
STEP_DRAWS = 10_000  # of steps, which no resampled patients move
STEPS_OVER = "{seeds} seeds and the distance between evaluations"


def shared_seeds(cells: Sequence[Cell]) -> tuple[int, ...]:
    """List the seeds that all cells have."""
    return tuple(sorted(set(cells[0].seeds).intersection(*(cell.seeds for cell in cells[1:]))))


@dataclass(frozen=True)
class Figures:
    """A figure of several cells over the seeds that all have.

    Args:
        found: One per cell; none if they have no seed in common.
        seeds: Number of these seeds.
        note: What limits them, as a sentence.
    """

    found: Sequence[Estimate | StepsTo]
    seeds: int
    note: str = ""


def figures_of(cells: Sequence[Cell], figure: Figure) -> Figures:
    """Return a figure of all cells over the seeds that all have."""
    seeds = shared_seeds(cells)
    if not seeds or figure not in SHARES:
        return Figures([cell.estimate(figure, seeds) for cell in cells] if seeds else [], len(seeds))
    level, told = None, ""
    if figure in COMMON:
        each = [cell.gains(seeds) for cell in cells]
        if not all(each):
            return Figures([StepsTo(math.nan, math.nan, math.nan, len(seeds), len(seeds))], len(seeds))
        level = common_level([gain for gains in each for gain in gains], SHARES[figure])
        told = f"The level is {format_decimal(level)} on source validation."
    found = [cell.steps(figure, seeds, level) for cell in cells]
    if any(steps.at_most for steps in found):
        told = f"{told} A training was there by its first evaluation, after which its steps count.".strip()
    return Figures(found, len(seeds), told)


def weighted_sum(cells: Sequence[Cell], weights: Sequence[float], figure: Figure) -> Measured:
    """Sum a figure of cells times weights, on the same resampled groups and, seed by seed, on the same seeds.

    The interval has two parts, as `scoring.intervals` says: groups, and the difference between seeds. Steps are summed
    by their geometric means, and resampled.
    """
    if figure in SHARES:
        return resampled(cells, figure, lambda figures: np.asarray(np.asarray(weights) @ figures), lambda figures: "")
    given = figures_of(cells, figure)
    seeds = given.seeds
    if not given.found:
        return Measured(NOTHING, note="The cells have no seed in common.")
    total = weighted([each for each in given.found if isinstance(each, Estimate)], weights)
    if math.isnan(total.value):
        return Measured(NOTHING, seeds=seeds, note=_why(figure))
    return Measured(total.value, *total.interval, seeds, _limits(figure, seeds, total.interval[0]))


def resampled(
    cells: Sequence[Cell], figure: Figure, function: Callable[[Floats], Floats], note: Callable[[Floats], str]
) -> Measured:
    """Compute any function of a figure of cells, with the percentiles of its values on resampled groups and seeds.

    In a replicate, the groups are the same in all cells. What seeds add is drawn from Student's t with their spread, on
    its own for every cell: three seeds that are drawn with replacement vary too little.

    Args:
        cells: The cells.
        figure: The figure.
        function: Maps (cells, n) figures to (n,) numbers, NaN where there is none.
        note: Maps the (cells,) figures to what limits the number.
    """
    given = figures_of(cells, figure)
    found, seeds = given.found, given.seeds
    if not found:
        return Measured(NOTHING, note="The cells have no seed in common.")
    values = np.array([[each.value] for each in found])
    if np.isnan(values).any():
        return Measured(NOTHING, seeds=seeds, note=_why(figure))
    value = float(function(values)[0])
    told = f"{given.note} {note(values[:, 0])}".strip()
    if math.isnan(value):
        return Measured(NOTHING, seeds=seeds, note=told)
    varied = np.stack([_varied(each, seeds, number) for number, each in enumerate(found)])
    low, high = interval(function(varied))
    if math.isnan(low):
        return Measured(value, seeds=seeds, note=f"{told} {_limits(figure, seeds, low)}".strip())
    over = STEPS_OVER.format(seeds=seeds) if figure in SHARES else ""
    told = f"{told} {_limits(figure, seeds, low)}".strip()
    return Measured(value, min(low, value), max(high, value), seeds, told, over=over)


def _varied(found: Estimate | StepsTo, seeds: int, number: int) -> Floats:
    """Return replicates of a figure in which the seeds vary, too; NaN of a single group, which shows no spread.

    Deviations are widened as `scoring.intervals` widens percentiles: a plain bootstrap of few groups varies too little.
    What no resample varies is drawn from a normal whose 2.5 % reach as far as it is open to either side.
    """
    from scipy.special import ndtri, stdtrit  # deferred: `--help` must stay fast

    if isinstance(found, StepsTo):
        return found.varied(STEP_DRAWS, (20_191_904, number))
    if not found.units > 1 or np.isnan(found.replicates).all():
        return np.full_like(found.replicates, np.nan)
    units = min(found.units, 1e9)
    wider = math.sqrt(units / (units - 1)) * float(stdtrit(max(units - 1, 1.0), 1 - TAIL) / ndtri(1 - TAIL))
    varied = found.value + wider * (found.replicates - np.nanmean(found.replicates))
    from_seeds = found.spread[0]
    if seeds > 1 and from_seeds > 0:
        draws = np.random.default_rng([20_191_902, number]).standard_t(seeds - 1, len(varied))
        varied = varied + math.sqrt(from_seeds) * draws
    down, up = np.add(openness(found.still, TAIL) if found.still else NONE, found.excess)
    if down or up:
        draws = np.random.default_rng([20_191_903, number]).standard_normal(len(varied)) / float(ndtri(1 - TAIL))
        varied = varied + np.where(draws < 0, down, up) * draws
    return np.asarray(np.clip(varied, *found.bounds))


def share(cells: Sequence[Cell], figure: Figure) -> Measured:
    """Compute the part of the gain from the first to the last of three cells that the second one has.

    Undefined unless the whole change is shown to be a gain: the ratio would be of noise, or of a loss.
    """
    # with the middle cell, though it counts 0: the gain must be shown at the level and over the seeds of the ratio
    whole = weighted_sum(cells, [-1.0, 0.0, 1.0], figure)
    if math.isnan(whole.value):
        return whole
    if whole.low > 0 if figure in FALLING else whole.high < 0:
        why = f"The whole change, {whole.text}, is a loss, and only gains have shares."
        return Measured(NOTHING, seeds=whole.seeds, note=f"{why} {whole.note}".strip())
    if math.isnan(whole.low) or whole.low <= 0 <= whole.high:
        why = f"The whole change, {whole.text}, is not shown to differ from none: no share of it is."
        return Measured(NOTHING, seeds=whole.seeds, note=f"{why} {whole.note}".strip())

    def ratio(figures: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((figures[1] - figures[0]) / (figures[2] - figures[0]))

    return resampled(cells, figure, ratio, lambda figures: "")


def slope(positions: Sequence[float], *, log: bool) -> list[float]:
    """Return the weights by which a least-squares slope is a sum of figures; per doubling on a log scale."""
    x = np.log2(positions) if log else np.asarray(positions, dtype=np.float64)
    away = x - x.mean()
    return (away / (away**2).sum()).tolist()  # type: ignore[no-any-return]


def correlation(cells: Sequence[Cell], positions: Sequence[float], figure: Figure) -> Measured:
    """Compute Spearman's rank correlation of positions with a figure, over cells.

    The claim is about networks, of which the cells are a few. So the interval holds for others, too: to the spread over
    patients and seeds, on Fisher's scale, is added that of so few ranks, 1.06 / (n - 3) (Fieller et al. 1957,
    Biometrika 44), with Student's t of n - 2. A perfect order counts as one a little below 1, so that five cells, the
    fewest of which chance orders perfectly less often than the level allows, can show something.
    """
    count = len(cells)
    if count < LEAST_NETWORKS:
        return Measured(NOTHING, note=f"A rank correlation needs {LEAST_NETWORKS} cells or more; finished: {count}.")
    x = _ranks(np.asarray(positions, dtype=np.float64)[:, None])

    def spearman(figures: Floats) -> Floats:
        y = _ranks(figures)
        away_x, away_y = x - x.mean(axis=0), y - y.mean(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            below = np.sqrt((away_x**2).sum(axis=0) * (away_y**2).sum(axis=0))
            return np.asarray((away_x * away_y).sum(axis=0) / below)

    found = resampled(cells, figure, spearman, lambda figures: f"Over {count} cells.")
    if math.isnan(found.value):
        return found
    found = replace(found, note=found.note.removesuffix(ONE_SEED).strip())
    if count < LEAST_JUDGED:
        few = f"No interval: {LEAST_JUDGED} networks or more are needed for one that holds for others."
        return replace(found, low=NOTHING, high=NOTHING, note=f"{found.note} {few}")
    if math.isnan(found.low):
        return found
    low, high = _of_networks(found, count)
    told = "The interval holds for other networks, too" + (", but not for other seeds." if found.seeds == 1 else ".")
    over = f"{found.varied_over} and other networks"
    return replace(found, low=low, high=high, note=f"{found.note} {told}", over=over)


def _of_networks(found: Measured, count: int) -> tuple[float, float]:
    """Return the interval of a rank correlation for other patients, seeds and networks."""
    from scipy.special import stdtrit  # deferred: `--help` must stay fast

    most = 1 - 2 / (count * (count**2 - 1))  # a sixth of the least step below 1
    middle, low, high = np.arctanh(np.clip([found.value, found.low, found.high], -most, most)).tolist()
    reach = float(stdtrit(count - 2, 1 - TAIL)) * math.sqrt(1.06 / (count - 3))
    ends = middle - math.hypot(middle - low, reach), middle + math.hypot(high - middle, reach)
    return min(math.tanh(ends[0]), found.value), max(math.tanh(ends[1]), found.value)


def _ranks(values: Floats) -> Floats:
    """Rank along the first axis; ties share the mean rank."""
    from scipy.stats import rankdata  # deferred: `--help` must stay fast

    return np.asarray(rankdata(values, method="average", axis=0, nan_policy="propagate"))


def saved(ours: Sequence[Cell], theirs: Cell, fractions: Sequence[float], figure: Figure) -> Measured:
    """Compute the share of labelled patients that a method saves where it is as good as another one with all labels.

    Its curve over fractions is made monotone (least squares), joined by straight lines over the logarithm of the
    fraction, and read backwards at the other's figure. Beyond the ends of the curve, nothing is read: below the least
    fraction, at least the rest is saved; above all labels, none is, or less. So a number or an end there is open.

    Args:
        ours: The method's cells, by rising fraction; the last one has all labels.
        theirs: The other's cell with all labels.
        fractions: Of `ours`.
        figure: The figure.
    """
    x = np.log(np.asarray(fractions, dtype=np.float64))

    def read(figures: Floats) -> Floats:
        return np.array([1 - math.exp(_crossing(x, column[:-1], float(column[-1]))) for column in figures.T])

    def note(figures: Floats) -> str:
        rising = _monotone(figures[:-1])
        if rising[0] >= figures[-1]:
            return f"At least: the least fraction, {fractions[0]:g}, is already as good."
        if rising[-1] < figures[-1]:
            return "It is not as good with all its labels."
        return ""

    found = resampled([*ours, theirs], figure, read, note)
    found = replace(found, limits=(1 - math.exp(x[-1]), 1 - math.exp(x[0])))
    told = found.note
    if found.above(found.high) and not found.above(found.value):
        told += f" Its upper end is open: in resamples, the least fraction, {fractions[0]:g}, is already as good."
    if found.below(found.low) and not found.below(found.value):
        told += " Its lower end is open: in resamples, it is not as good with all its labels."
    return replace(found, note=told.strip())


def _crossing(x: Floats, figures: Floats, target: float) -> float:
    """Return where a monotone curve first reaches a target, within its ends; NaN if a figure is undefined."""
    if math.isnan(target) or np.isnan(figures).any():
        return NOTHING
    rising = _monotone(figures)
    reached = np.flatnonzero(rising >= target)
    if not len(reached):
        return float(x[-1])
    first = int(reached[0])
    if first == 0:
        return float(x[0])
    share_of = (target - rising[first - 1]) / (rising[first] - rising[first - 1])
    return float(x[first - 1] + share_of * (x[first] - x[first - 1]))


def _monotone(values: Floats) -> Floats:
    """Return the non-decreasing sequence that is nearest in least squares."""
    from sklearn.isotonic import isotonic_regression  # deferred: it takes long to import

    return np.asarray(isotonic_regression(values))


def _limits(figure: Figure, seeds: int, low: float) -> str:
    """Say what an interval does not hold, or why there is none."""
    if math.isnan(low):
        alone = seeds == 1 and figure in SHARES
        return "No interval: one seed does not show how steps vary." if alone else "No interval: too few patients."
    return "" if seeds > 1 else ONE_SEED


def _why(figure: Figure) -> str:
    if figure in SHARES:
        return "The course of a training was not kept, or one gained nothing that is told from chance."
    return f"The protocol has no figure {figure!r}, or it is undefined."
