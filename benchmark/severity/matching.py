"""Severities matched across shifts by structural similarity, on source training images alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from ...shifts import catalogue
from ...shifts.errors import MedshiftError
from ..datasets.dataset import Dataset
from ..protocols.plan import LEVELS, STEPS, Choices, plan
from ..protocols.protocol import Protocol
from .damage import Sample, damage, sample, shift_sample

IMAGES = 16
RISE = 0.03  # tolerance in similarity, which falls with severity: small samples of images have ups and downs
#: Built-ins whose damage falls here and there, as edges of their cells meet those of pixels: similarity then rises, by
#: up to 0.07. They are searched on a grid first.
UNEVEN = ("detector-binning", "slice-thickness")
FRACTIONS = "Leave it out, or make it accept fractions (medshift.shifts.interpolate_severity)."
GRID = (1, *range(STEPS // 2, 5 * STEPS + 1, STEPS // 2))  # severities 0.01, 0.5, 1, ... 5
CLOSE = 0.003  # tolerance in similarity at which a search ends


def solve(
    dataset: Dataset,
    table: pd.DataFrame,
    protocol: Protocol,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, tuple[float, ...]]:
    """Find, for each shift of a protocol, the severities on the physical scale that reach `LEVELS`.

    Bisection over the severities 0 to 5, to a similarity within 0.003 or a severity within 0.01, on the same source
    training images for every shift. Where several severities reach a level, as those of `UNEVEN` shifts may, it is
    the lowest that a grid of half severities shows. Levels that a shift cannot reach are replaced by the end of its
    scale, 0.01 or 5, once: it then has fewer severities than others.

    Args:
        dataset: The images.
        table: Its truth with a column `row`.
        protocol: Shifts, severities, seed and grey levels.
        progress: Called with the number of shifts done and their total.

    Raises:
        MedshiftError: A plug-in accepts only whole severities: it fails at a fraction, or its damage falls there.
    """
    chosen = sample(dataset, table, protocol.source, "train", IMAGES)
    levels = [LEVELS[severity - 1] for severity in protocol.severities]
    found: dict[str, tuple[float, ...]] = {}
    for name in protocol.shifts:
        progress(len(found), len(protocol.shifts))
        found[name] = _solve(chosen, name, levels, protocol)
    progress(len(found), len(protocol.shifts))
    return found


def plan_protocol(
    dataset: Dataset,
    choices: Choices,
    source: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Protocol, pd.DataFrame]:
    """Make a protocol and its truth on either scale of severity; see `protocols.plan.plan`.

    Args:
        dataset: The data set.
        choices: Domains, shifts, severities and their scale.
        source: The data set's own source domain, if it has one.
        progress: Called with the number of shifts whose severities are matched and their total.
    """
    return plan(dataset, choices, source, partial(solve, progress=progress))


def _solve(chosen: Sample, name: str, levels: list[float], protocol: Protocol) -> tuple[float, ...]:
    known: dict[int, float] = {}

    def similarity(step: int) -> float:
        if step not in known:
            known[step] = _similarity(chosen, name, step, protocol)
        return known[step]

    if name not in catalogue.BUILTINS:  # theirs grow, as the tests hold, but for those of `UNEVEN`
        _require_growth(chosen, name, protocol)
    if name in UNEVEN:
        for step in GRID:
            similarity(step)
    found = []
    for level in levels:
        # start from known similarities: the first of them at which the level is reached, and the one before
        strong = min([5 * STEPS, *(step for step, value in known.items() if value <= level)])
        mild = max([1, *(step for step in known if step < strong)])
        if similarity(strong) > level:
            found.append(strong)
            continue
        if similarity(mild) <= level:
            found.append(mild)
            continue
        while strong - mild > 1 and min(abs(known[step] - level) for step in (mild, strong)) > CLOSE:
            middle = (mild + strong) // 2
            mild, strong = (middle, strong) if similarity(middle) > level else (mild, middle)
        found.append(min(mild, strong, key=lambda step: abs(similarity(step) - level)))
    return tuple(step / STEPS for step in dict.fromkeys(found))


def _similarity(chosen: Sample, name: str, step: int, protocol: Protocol) -> float:
    try:
        after = shift_sample(chosen, name, step / STEPS, protocol.seed, protocol.grey_levels)
    except MedshiftError as error:
        raise MedshiftError(
            f"shift {name!r} cannot be matched: it failed at severity {step / STEPS:g}. {FRACTIONS} {error}"
        ) from error
    return damage(chosen.images, after).ssim


def _require_growth(chosen: Sample, name: str, protocol: Protocol) -> None:
    """Raise MedshiftError if damage falls with severity, as where fractions are cut off: bisection would be lost."""
    lowest, at = 1.0, 0
    for step in GRID:
        reached = _similarity(chosen, name, step, protocol)
        if reached > lowest + RISE:
            raise MedshiftError(
                f"shift {name!r} cannot be matched: it changes images less at severity {step / STEPS:g} than at "
                f"{at / STEPS:g} (similarity {reached:.3f} and {lowest:.3f}). {FRACTIONS}"
            )
        lowest, at = min((lowest, at), (reached, step))
