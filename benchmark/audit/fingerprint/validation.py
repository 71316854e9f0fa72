"""Validation of fingerprints: apply known shifts to half of a domain's groups and recover them from the other half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ....shifts.errors import MedshiftError
from ...datasets.dataset import Dataset
from ...datasets.images import Images
from ...files.wording import plural
from ...scoring.bootstrap import resample_counts
from ..measures.sampling import REPLICATES, SEED, group_codes, sample_rows
from .fingerprint import Fingerprint, Floats, columns
from .placement import (
    GRID,
    Curve,
    covered,
    curve_images,
    curves,
    differences,
    measure_changed,
    place_site,
    shifted_measures,
)

SEVERITIES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
IMAGES = 150  # per half, at most
LEAST = 4  # groups of the domain: two in each half, so that either shows a spread
CAP = 25.0  # limit of a squared, standardised difference, so that no component decides alone


@dataclass(frozen=True)
class Trial:
    """One shift at one severity on one half.

    Args:
        shift: The applied shift.
        severity: The applied severity.
        found: The severity recovered from the measures that react to the shift.
        low: Lower end of its 95 % interval over groups.
        high: Upper end.
        nearest: The shift whose curve comes closest over all measures.
    """

    shift: str
    severity: float
    found: float
    low: float
    high: float
    nearest: str


def require_halves(dataset: Dataset, domain: str) -> None:
    """Raise MedshiftError if a domain has too few groups for two halves."""
    count = dataset.table.loc[dataset.table["domain"] == domain, "group"].nunique()
    if count < LEAST:
        raise MedshiftError(
            f"--validate compares two halves of the groups of {domain}, which has {plural(count, 'group')}; {LEAST} "
            "are needed: choose another --source, or leave --validate out"
        )


def validate(
    dataset: Dataset,
    domain: str,
    shifts: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Trial]:
    """Try every shift at every severity, with each half of the domain's groups as the source once.

    Args:
        dataset: The images.
        domain: The domain whose images are used.
        shifts: Names of the shifts; those to which no measure reacts are left out.
        progress: Called with (steps done, steps in all).

    Raises:
        MedshiftError: The domain has fewer than four groups.
    """
    require_halves(dataset, domain)
    codes, names = group_codes(dataset), columns(dataset)
    rows = np.flatnonzero(dataset.table["domain"] == domain)
    groups = np.unique(codes[rows])
    first = np.random.default_rng(SEED).permutation(groups)[: len(groups) // 2]
    halves = [rows[np.isin(codes[rows], first) == side] for side in (True, False)]
    applied = covered(shifts)
    trials: list[Trial] = []
    steps, done = 4 * len(applied), 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress(min(done, steps), steps)

    most = curve_images(dataset.channels, dataset.spatial)
    for source_rows, other_rows in (halves, halves[::-1]):
        (clean, ids, source), (images, others, other) = (
            _half(dataset, sample_rows(dataset, part, IMAGES), codes) for part in (source_rows, other_rows)
        )
        found = curves(clean[:most], ids[:most], applied, dataset.grey_levels, SEED, advance)
        for curve in found:
            for severity in SEVERITIES:
                values = shifted_measures(images, others, curve.shift, severity, dataset.grey_levels, SEED + 1)
                target = Fingerprint(domain, other.rows, values, other.groups, other.weights)
                place = place_site(source, target, curve, names)
                if place is not None:
                    closest = nearest(source, target, found)
                    trials.append(Trial(curve.shift, severity, place.severity, place.low, place.high, closest))
            advance()
    return trials


def nearest(source: Fingerprint, target: Fingerprint, found: Sequence[Curve]) -> str:
    """Return the shift whose curve comes closest to the difference, over all components and severities."""
    gaps, errors = differences(source, target)
    # a component that hardly varies between images must not count for more than its precision
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
    groups, own = np.unique(codes[rows], return_inverse=True)
    weights: Floats = resample_counts(len(groups), REPLICATES, SEED, "validate", *map(str, groups[:3]))
    values = measure_changed(images, lambda batch, _: batch)
    return images, ids, Fingerprint("", rows, values, own.astype(np.int64), weights)


@dataclass(frozen=True)
class Recovered:
    """How well one shift was recovered.

    Args:
        shift: Its name.
        bias: Mean of recovered less applied severity, at severities of 1 and above.
        error: Mean absolute error at severities of 1 and above.
        faint_error: Mean absolute error at severities below 1.
        recognised: Share of the trials at severities of 1 and above in which the right curve came closest.
        mistaken: The other shifts that came closest, and how often.
    """

    shift: str
    bias: float
    error: float
    faint_error: float
    recognised: float
    mistaken: dict[str, int]


def recovered(trials: Sequence[Trial]) -> list[Recovered]:
    """Summarise trials by shift, in the order of the trials."""
    found = []
    for shift in dict.fromkeys(trial.shift for trial in trials):
        own = [trial for trial in trials if trial.shift == shift]
        clear = [trial for trial in own if trial.severity >= 1]
        gaps = np.array([trial.found - trial.severity for trial in clear])
        faint = [abs(trial.found - trial.severity) for trial in own if trial.severity < 1]
        wrong = [trial.nearest for trial in clear if trial.nearest != shift]
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
