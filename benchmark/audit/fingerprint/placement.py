"""Place a domain on the severity scale of each shift: how strong would that shift alone have to be?

Each shift is applied to images of the source at a few severities and their fingerprints are measured. A domain is
placed at the severity at which the source's fingerprint comes closest to its own.
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
from .fingerprint import Fingerprint, Floats, stretch
from .sensitivity import REACTS, SPREAD

STEPS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
CONTRADICTORY = 1.5  # severities by which single measures disagree
FINEST = 0.005  # smallest standard error, as a fraction of the largest change along the curve
GRID = np.linspace(-1, 5, 301)  # below 0 the curve is extrapolated linearly from its first step
VALUES = 500_000  # pixel values that a curve is measured on ...
FEW_GROUPS = 10  # with fewer, the interval of a place is stretched; with more, it would hardly change
LEAST, MOST = 40, 150  # ... within these numbers of images


@dataclass(frozen=True, eq=False)
class Curve:
    """How the components of a fingerprint change with a shift's severity.

    Args:
        shift: Its name.
        change: (301, 2 K) components at the severities `GRID`, less those at 0.
    """

    shift: str
    change: Floats


@dataclass(frozen=True)
class Place:
    """Place of a domain on a shift's scale, if the shift alone explained the difference from the source.

    Args:
        shift: Its name.
        severity: -1 to 5; below 0 the domain lies on the other side of the source.
        low: Lower end of the 95 % interval over groups.
        high: Upper end.
        disagreement: Largest difference between the severities that single measures suggest; 0 for a single measure.
    """

    shift: str
    severity: float
    low: float
    high: float
    disagreement: float = 0.0

    @property
    def mixed(self) -> bool:
        """Whether the measures contradict each other, so that this shift alone does not explain the domain."""
        return self.disagreement > CONTRADICTORY

    @property
    def text(self) -> str:
        """The place as printed: `2.3 [2.0, 2.6]`; `below 0` and `5 or more` at the ends of the scale."""
        if self.low <= 0 <= self.high or abs(self.severity) < 0.05:
            return f"0 [{_end(self.low)}, {_end(self.high)}]"
        if self.severity < 0:
            return "below 0"
        if self.low >= GRID[-1]:
            return "5 or more"
        value = "5 or more" if self.severity >= GRID[-1] else f"{self.severity:.1f}"
        return f"{value} [{_end(self.low)}, {_end(self.high)}]"


def _end(value: float) -> str:
    return "<0" if value < -0.05 else f"{max(value, 0):.1f}"


def curve_images(channels: int, spatial: Sequence[int]) -> int:
    """Return the number of images of this size on which curves are measured."""
    return min(MOST, max(LEAST, VALUES // int(np.prod([channels, *spatial]))))


def covered(shifts: Sequence[str]) -> list[str]:
    """Return those of the shifts to which a measure of the fingerprint reacts."""
    return [name for name in shifts if name in REACTS]


def curves(
    images: Tensor,
    ids: Sequence[str],
    shifts: Sequence[str],
    grey_levels: int,
    seed: int = SEED,
    done: Callable[[], None] = lambda: None,
) -> list[Curve]:
    """Measure the curve of each shift listed in `REACTS`.

    Args:
        images: (n, C, *spatial) float32 in [0, 1], of the source.
        ids: n sample ids.
        shifts: Names of the shifts.
        grey_levels: Number of levels to which shifted images are rounded; 0 for no rounding.
        seed: Seed of the shifts.
        done: Called after every shift.
    """
    found = []
    clean = measure_changed(images, lambda batch, _: batch)
    centre = np.nanmean(clean, axis=0)
    start = moments(clean, centre)
    for name in shifts:
        if name in REACTS:
            changes = [
                moments(shifted_measures(images, ids, name, step, grey_levels, seed), centre) - start for step in STEPS
            ]
            found.append(Curve(name, interpolated(np.stack(changes))))
            done()
    return found


def shifted_measures(
    images: Tensor, ids: Sequence[str], name: str, severity: float, grey_levels: int, seed: int
) -> Floats:
    """Measure images under a shift, (n, K)."""
    levels = grey_levels or None
    return measure_changed(
        images, lambda batch, at: apply_shift(name, batch, severity, ids[at : at + len(batch)], seed, levels=levels)
    )


def measure_changed(images: Tensor, change: Callable[[Tensor, int], Tensor]) -> Floats:
    """Measure changed images in batches, (n, K); `change` takes a batch and the index of its first image."""
    step = max(1, BATCH // int(images[0].numel()))
    with torch.no_grad():
        return np.concatenate([measure(change(images[at : at + step], at)) for at in range(0, len(images), step)])


def moments(values: Floats, centre: Floats) -> Floats:
    """Compute means of measures (n, K), and their mean squared distances from a centre (K,): (2 K,)."""
    return np.asarray(np.nanmean(np.concatenate([values, (values - centre) ** 2], axis=1), axis=0))


def interpolated(changes: Floats) -> Floats:
    """Interpolate changes at `STEPS`, (6, 2 K), and no change at 0, to `GRID`: (301, 2 K)."""
    known = np.nan_to_num(changes)
    curve = PchipInterpolator((0.0, *STEPS), np.concatenate([np.zeros((1, changes.shape[1])), known]))
    above: Floats = np.asarray(curve(np.maximum(GRID, 0)), dtype=np.float64)
    below: Floats = np.minimum(GRID, 0)[:, None] * (known[0] / STEPS[0])
    return above + below


def place_site(source: Fingerprint, other: Fingerprint, curve: Curve, names: Sequence[str]) -> Place | None:
    """Place a domain on the scale of a curve.

    None where no measure that reacts to the shift could be taken, or a domain has a single group: it shows no spread.
    Replicates that drew no group of a domain, as happens where it has few, say nothing and are left out.
    """
    groups = min(source.count, other.count)
    if groups < 2:
        return None
    gaps, errors = differences(source, other)
    gaps = gaps[np.concatenate([[True], source.drawn & other.drawn])]
    reach = np.abs(curve.change).max(axis=0)
    used = [index for index in reacting_measures(curve.shift, names) if not np.isnan(gaps[:, index]).any()]
    used = [index for index in used if reach[index] > errors[index]]
    if not used:
        return None
    errors = np.maximum(errors, FINEST * reach)
    misfits = [((gaps[:, index, None] - curve.change[:, index]) / errors[index]) ** 2 for index in used]
    severities = GRID[np.sum(misfits, axis=0).argmin(axis=1)]
    alone = [float(GRID[misfit[0].argmin()]) for misfit in misfits]
    severity, (low, high) = float(severities[0]), interval(severities[1:])
    if groups < FEW_GROUPS:
        wider = stretch(groups)
        low, high = np.clip((severity - wider * (severity - low), severity + wider * (high - severity)), -1, 5).tolist()
    return Place(curve.shift, severity, low, high, max(alone) - min(alone))


def differences(source: Fingerprint, other: Fingerprint) -> tuple[Floats, Floats]:
    """Compute the differences of all components from the source, (1 + B, 2 K), and their standard errors, (2 K,)."""
    centre = source.means
    gaps = other.components(centre) - source.components(centre)
    return gaps, np.nanstd(gaps[1:], axis=0, ddof=1)


def reacting_measures(shift: str, names: Sequence[str]) -> list[int]:
    """Return the indices of the components, of 2 K, that react to a shift."""
    wanted = [(name.removesuffix(SPREAD), name.endswith(SPREAD)) for name in REACTS[shift]]
    return [names.index(name) + spread * len(names) for name, spread in wanted if name in names]
