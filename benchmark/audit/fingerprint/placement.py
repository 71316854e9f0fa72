"""Places a fingerprint on the severity scale of each shift: how strong would the shift alone have to be?

The shift is applied to the source's own images at a few severities, the fingerprints are measured, and the severity is
sought at which the source's would come closest to the other domain's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from ....shifts.apply import apply_shift
from ...scoring.bootstrap import interval
from ..measures.sampling import SEED
from ..measures.table import BATCH, measure
from .fingerprint import Fingerprint, Floats
from .sensitivity import REACTS, SPREAD

STEPS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
CONTRADICTORY = 1.5  # severities
FINEST = 0.005  # of a curve's reach: nothing is known better, however alike a domain's images are
GRID = np.linspace(-1, 5, 301)  # below 0 the first half step goes on in a straight line
VALUES = 500_000  # of images that a curve is measured on ...
LEAST, MOST = 40, 150  # ... but so many images


@dataclass(frozen=True, eq=False)
class Curve:
    """How the components of a fingerprint change with a shift's severity.

    Args:
        shift: Its name.
        change: (301, 2 K) at the severities `GRID`, less that at 0.
    """

    shift: str
    change: Floats


@dataclass(frozen=True)
class Place:
    """Where a domain lies on a shift's scale, were the shift alone to blame.

    Args:
        shift: Its name.
        severity: -1 to 5; below 0: on the other side of the source.
        low: Lower end of the 95 % interval over groups.
        high: Upper end.
        apart: How many severities the measures that react to the shift are apart, each asked alone; 0 where one reacts.
    """

    shift: str
    severity: float
    low: float
    high: float
    apart: float = 0.0

    @property
    def mixed(self) -> bool:
        """Whether the measures contradict each other, so that this shift alone explains nothing."""
        return self.apart > CONTRADICTORY

    @property
    def text(self) -> str:
        """As printed: `2.3 [2.0, 2.6]`; `below 0` and `5 or more` at the ends of the scale."""
        if self.low <= 0 <= self.high or abs(self.severity) < 0.05:
            return f"0 [{_end(self.low)}, {_end(self.high)}]"
        if self.severity < 0:
            return "below 0"
        if self.low >= GRID[-1]:
            return "5 or more"
        shown = "5 or more" if self.severity >= GRID[-1] else f"{self.severity:.1f}"
        return f"{shown} [{_end(self.low)}, {_end(self.high)}]"


def _end(value: float) -> str:
    return "<0" if value < -0.05 else f"{max(value, 0):.1f}"


def count(channels: int, spatial: Sequence[int]) -> int:
    """Returns on how many images of a size curves are measured."""
    return min(MOST, max(LEAST, VALUES // int(np.prod([channels, *spatial]))))


def covered(shifts: Sequence[str]) -> list[str]:
    """Returns those of the shifts that a fingerprint can tell of."""
    return [name for name in shifts if name in REACTS]


def curves(
    images: Tensor,
    ids: Sequence[str],
    shifts: Sequence[str],
    grey_levels: int,
    seed: int = SEED,
    done: Callable[[], None] = lambda: None,
) -> list[Curve]:
    """Returns the curve of each shift that `REACTS` knows.

    Args:
        images: (n, C, *spatial) float32 in [0, 1], of the source.
        ids: n sample ids.
        shifts: Names.
        grey_levels: Shifted images are rounded to so many; 0 for none.
        seed: Of the shifts.
        done: Called after every shift.
    """
    found = []
    clean = in_parts(images, lambda part, _: part)
    centre = np.nanmean(clean, axis=0)
    start = moments(clean, centre)
    for name in shifts:
        if name in REACTS:
            at = [
                moments(shifted_measures(images, ids, name, step, grey_levels, seed), centre) - start for step in STEPS
            ]
            found.append(Curve(name, interpolated(np.stack(at))))
            done()
    return found


def shifted_measures(
    images: Tensor, ids: Sequence[str], name: str, severity: float, grey_levels: int, seed: int
) -> Floats:
    """Returns the measures (n, K) of images under a shift."""
    levels = grey_levels or None
    return in_parts(
        images, lambda part, at: apply_shift(name, part, severity, ids[at : at + len(part)], seed, levels=levels)
    )


def in_parts(images: Tensor, change: Callable[[Tensor, int], Tensor]) -> Floats:
    """Returns the measures of changed images, a batch at a time."""
    step = max(1, BATCH // int(images[0].numel()))
    with torch.no_grad():
        return np.concatenate([measure(change(images[at : at + step], at)) for at in range(0, len(images), step)])


def moments(values: Floats, centre: Floats) -> Floats:
    """Returns (2 K,): means of measures (n, K), and mean squared distances from a centre (K,)."""
    return np.asarray(np.nanmean(np.concatenate([values, (values - centre) ** 2], axis=1), axis=0))


def interpolated(at: Floats) -> Floats:
    """Returns changes (301, 2 K) on the grid from those at `STEPS`, (6, 2 K), and none at 0."""
    curve = PchipInterpolator((0.0, *STEPS), np.concatenate([np.zeros((1, at.shape[1])), np.nan_to_num(at)]))
    forth: Floats = np.asarray(curve(np.maximum(GRID, 0)), dtype=np.float64)
    back: Floats = np.minimum(GRID, 0)[:, None] * (np.nan_to_num(at[0]) / STEPS[0])
    return forth + back


def place_site(source: Fingerprint, other: Fingerprint, curve: Curve, names: Sequence[str]) -> Place | None:
    """Returns where a domain lies on the scale of a curve; None where nothing that reacts could be measured."""
    gaps, errors = differences(source, other)
    reach = np.abs(curve.change).max(axis=0)
    used = [index for index in reacting_measures(curve.shift, names) if not np.isnan(gaps[:, index]).any()]
    used = [index for index in used if reach[index] > errors[index]]
    if not used:
        return None
    errors = np.maximum(errors, FINEST * reach)
    misfits = [((gaps[:, index, None] - curve.change[:, index]) / errors[index]) ** 2 for index in used]
    severities = GRID[np.sum(misfits, axis=0).argmin(axis=1)]
    alone = [float(GRID[misfit[0].argmin()]) for misfit in misfits]
    low, high = interval(severities[1:])
    return Place(curve.shift, float(severities[0]), low, high, max(alone) - min(alone))


def differences(source: Fingerprint, other: Fingerprint) -> tuple[Floats, Floats]:
    """Returns the components' differences to the source, (1 + B, 2 K), and their standard errors (2 K,)."""
    centre = source.means
    gaps = other.components(centre) - source.components(centre)
    return gaps, np.nanstd(gaps[1:], axis=0, ddof=1)


def reacting_measures(shift: str, names: Sequence[str]) -> list[int]:
    """Returns which of the 2 K components react to a shift."""
    wanted = [(name.removesuffix(SPREAD), name.endswith(SPREAD)) for name in REACTS[shift]]
    return [names.index(name) + spread * len(names) for name, spread in wanted if name in names]
