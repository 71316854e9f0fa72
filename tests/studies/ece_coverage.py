"""Bias of the expected calibration error (ECE) and coverage of its 95 % interval, by simulating many studies.

    python tests/studies/ece_coverage.py [STUDIES]

prints the tables of docs/concepts/coverage.md: 400 studies of each kind, in parallel on all cores.

A study has groups of one to three samples, or of six, and a model of two classes. The logit of a sample's true
probability is normal, with a part that its group shares; its label is drawn from this probability by a normal threshold
that its group shares in part as well, so that errors cluster. The model states another probability: the true one if it
is calibrated, else one whose logit is scaled or moved. The truth is the ECE, with the same 15 bins, of 300,000 groups.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from medshift.benchmark.scoring import bootstrap, calibration
from medshift.benchmark.scoring.estimate import Estimate
from medshift.benchmark.scoring.metrics import ece

REPLICATES = 400
SIZES = (
    (20, (1, 3)),
    (60, (1, 3)),
    (200, (1, 3)),
    (20, (6, 6)),
    (60, (6, 6)),
    (200, (6, 6)),
)  # groups, samples of each
TRUTH = 300_000  # groups
# spread of the true logits, factor and offset of the stated ones
KINDS = {
    "calibrated": (1.5, 1.0, 0.0),
    "calibrated, sure": (6.0, 1.0, 0.0),
    "slightly overconfident": (1.5, 1.3, 0.0),
    "overconfident": (1.5, 2.5, 0.0),
    "underconfident": (2.5, 0.5, 0.0),
    "one class too often": (1.5, 1.0, 0.8),
    "sure and sometimes wrong": (3.0, 3.0, 0.0),
}


def drawn(
    kind: str, groups: int, samples: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels, probabilities and groups of a study."""
    spread, factor, offset = KINDS[kind]
    owner = np.repeat(np.arange(groups), rng.integers(samples[0], samples[1] + 1, groups))
    shared, own = rng.normal(size=(2, groups))[:, owner], rng.normal(size=(2, len(owner)))
    logit, threshold = spread * (shared[0] + own[0]) / np.sqrt(2), (shared[1] + own[1]) / np.sqrt(2)
    labels = (norm.cdf(threshold) < expit(logit)).astype(np.int64)
    second = expit(factor * logit + offset)
    return labels, np.stack([1 - second, second], axis=1), owner


class Found(NamedTuple):
    """What the studies of one kind show."""

    truth: float
    usual: float  # means from here on
    bootstrap: float
    shown: float
    low: float
    high: float
    coverage: float


def studied(kind: str, size: tuple[int, tuple[int, int]], studies: int) -> Found:
    """Simulate studies: the usual ECE, that less the bootstrap's own inflation, and what medshift shows."""
    groups, samples = size
    rng = np.random.default_rng([groups, *samples, *kind.encode()])
    labels, stated, owner = drawn(kind, TRUTH, samples, rng)
    truth = float(ece(labels, stated, np.zeros_like(owner), np.ones((1, 1)))[0])
    weights = np.concatenate([np.ones((1, groups)), bootstrap.resample_counts(groups, REPLICATES, 0, "simulated")])
    found = np.empty((studies, 5))
    for study in range(studies):
        labels, stated, owner = drawn(kind, groups, samples, rng)
        values = ece(labels, stated, owner, weights)
        ((value, replicates, excess),) = calibration.corrected(labels, stated[None], owner, values[None])
        estimate = Estimate(value, replicates, units=float(groups), bounds=(0.0, 1.0), excess=excess)
        usual = float(values[0])
        found[study] = usual, max(0.0, 2 * usual - values[1:].mean()), value, *estimate.interval
    hits = (found[:, 3] <= truth) & (truth <= found[:, 4])
    return Found(truth, *found.mean(axis=0).tolist(), float(hits.mean()))


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1)


def _table(found: list[Found], cell: Callable[[Found], str]) -> None:
    heads = [f"{groups} x {low}{f'-{high}' if high > low else ''}" for groups, (low, high) in SIZES]
    print("| model | true ECE | " + " | ".join(heads) + " |")
    print("|---|--:|" + "--:|" * len(SIZES))
    for number, kind in enumerate(KINDS):
        row = found[number * len(SIZES) : (number + 1) * len(SIZES)]
        print(f"| {kind} | {f'{row[-1].truth:.3f}'[1:]} | {' | '.join(map(cell, row))} |")
    print()


def main(studies: int) -> None:
    """Print the bias of the three figures, then the coverage of the interval."""
    cells = [(kind, size) for kind in KINDS for size in SIZES]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(studied, *zip(*cells, strict=True), [studies] * len(cells)))
    _table(found, lambda one: " / ".join(_signed(x - one.truth) for x in (one.usual, one.bootstrap, one.shown)))
    _table(found, lambda one: f"{100 * one.coverage:.1f} [{one.low:.2f}, {one.high:.2f}]")
    for name in ("usual", "bootstrap", "shown"):
        bias = np.array([getattr(one, name) - one.truth for one in found])
        print(f"{name}: mean |bias| {np.abs(bias).mean():.4f}, largest {np.abs(bias).max():.4f}")
    print(f"coverage at least {100 * min(one.coverage for one in found):.1f} %")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
