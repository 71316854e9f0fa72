"""Is a fingerprint right? A known shift is put on one half of a domain's groups and sought against the other half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...datasets.dataset import Dataset
from ...datasets.images import Images
from ...scoring.bootstrap import resample_counts
from ..measures.sampling import REPLICATES, SEED, group_codes, sample_rows
from .fingerprint import Fingerprint, Floats, columns
from .placement import GRID, Curve, count, covered, curves, differences, in_parts, place_site, shifted_measures

SEVERITIES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
IMAGES = 150  # of each half, at most
CAP = 25.0  # of a squared, standardised difference: one component must not decide alone


@dataclass(frozen=True)
class Trial:
    """One shift at one severity on one half.

    Args:
        shift: What was applied.
        severity: At which severity.
        found: The severity sought by the shift's own measures.
        low: Lower end of its interval.
        high: Upper end.
        taken_for: The shift whose curve comes closest in all measures.
    """

    shift: str
    severity: float
    found: float
    low: float
    high: float
    taken_for: str


def validate(
    dataset: Dataset,
    domain: str,
    shifts: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Trial]:
    """Returns trials of every shift and severity, each half of the domain's groups playing the source once.

    Args:
        dataset: The images.
        domain: Whose.
        shifts: Names; those without a measure that reacts are left out.
        progress: Called with the number of shifts done, and of all.
    """
    codes, names = group_codes(dataset), columns(dataset)
    rows = np.flatnonzero(dataset.table["domain"] == domain)
    mine = np.unique(codes[rows])
    first = np.random.default_rng(SEED).permutation(mine)[: len(mine) // 2]
    halves = [rows[np.isin(codes[rows], first) == side] for side in (True, False)]
    applied = covered(shifts)
    trials: list[Trial] = []
    steps, done = 4 * len(applied), 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress(min(done, steps), steps)

    most = count(dataset.channels, dataset.spatial)
    for source_rows, other_rows in (halves, halves[::-1]):
        (clean, ids, source), (images, others, other) = (
            _half(dataset, sample_rows(dataset, part, IMAGES), codes) for part in (source_rows, other_rows)
        )
        found = curves(clean[:most], ids[:most], applied, dataset.grey_levels, SEED, advance)
        for curve in found:
            for severity in SEVERITIES:
                values = shifted_measures(images, others, curve.shift, severity, dataset.grey_levels, SEED + 1)
                target = Fingerprint(domain, other.rows, values, other.groups, other.weights)
                where = place_site(source, target, curve, names)
                if where is not None:
                    closest = nearest(source, target, found)
                    trials.append(Trial(curve.shift, severity, where.severity, where.low, where.high, closest))
            advance()
    return trials


def nearest(source: Fingerprint, target: Fingerprint, found: Sequence[Curve]) -> str:
    """Returns the shift whose curve comes closest to a difference, over all components, at whatever severity."""
    gaps, errors = differences(source, target)
    # what hardly varies between images must not count for more than it can be measured
    least = 0.02 * np.nanstd(source.components(source.means)[1:], axis=0) + 1e-9
    scale = np.maximum(errors, least)
    forward = GRID >= 0
    misfits = [
        float(np.minimum(((gaps[0] - curve.change[forward]) / scale) ** 2, CAP).sum(axis=1).min()) for curve in found
    ]
    return found[int(np.argmin(misfits))].shift


def _half(dataset: Dataset, rows: NDArray[np.int64], codes: NDArray[np.int64]) -> tuple[Tensor, list[str], Fingerprint]:
    images = Images(np.ascontiguousarray(dataset.pixels[rows]), dataset.value_range).batch(slice(None))
    ids = dataset.table["sample_id"].astype(str).to_numpy()[rows].tolist()
    mine, own = np.unique(codes[rows], return_inverse=True)
    weights: Floats = resample_counts(len(mine), REPLICATES, SEED, "validate", *map(str, mine[:3]))
    values = in_parts(images, lambda part, _: part)
    return images, ids, Fingerprint("", rows, values, own.astype(np.int64), weights)


@dataclass(frozen=True)
class Recovered:
    """How well one shift was recovered.

    Args:
        shift: Its name.
        bias: Mean of found less applied severity.
        error: Mean absolute error.
        faint_error: The same at severities below 1.
        named: Share of the trials from severity 1 on that were closest to the right curve.
        mistaken: For what else they were taken, and how often.
    """

    shift: str
    bias: float
    error: float
    faint_error: float
    named: float
    mistaken: dict[str, int]


def recovered(trials: Sequence[Trial]) -> list[Recovered]:
    """Returns the shifts in the order of the trials; errors are over severities 1 and up, but for `faint_error`."""
    found = []
    for shift in dict.fromkeys(trial.shift for trial in trials):
        mine = [trial for trial in trials if trial.shift == shift]
        clear = [trial for trial in mine if trial.severity >= 1]
        gaps = np.array([trial.found - trial.severity for trial in clear])
        faint = [abs(trial.found - trial.severity) for trial in mine if trial.severity < 1]
        wrong = [trial.taken_for for trial in clear if trial.taken_for != shift]
        found.append(
            Recovered(
                shift,
                float(gaps.mean()),
                float(np.abs(gaps).mean()),
                float(np.mean(faint)),
                1 - len(wrong) / len(clear),
                {name: wrong.count(name) for name in sorted(set(wrong), key=lambda name: (-wrong.count(name), name))},
            )
        )
    return found
