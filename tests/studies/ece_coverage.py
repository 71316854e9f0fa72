"""Coverage of the 95 % interval of the expected calibration error (ECE), by simulating many studies of each kind.

    python tests/studies/ece_coverage.py [STUDIES]

prints the table of docs/leaderboard.md: 1,000 studies of each kind, in parallel on all cores.

A study has groups of one to three samples and a model of two classes. The logit of a sample's true probability is
normal, with a part that its group shares; its label is drawn from this probability by a normal threshold that its group
shares in part as well, so that errors cluster. The model states another probability: the true one if it is calibrated,
else one whose logit is scaled or moved. The truth is the ECE, with the same 15 bins, of a million groups.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from medshift.benchmark.scoring import bootstrap, calibration
from medshift.benchmark.scoring.estimate import Estimate
from medshift.benchmark.scoring.metrics import ece

REPLICATES = 400
SIZES = (20, 24, 60, 200)
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


def drawn(kind: str, groups: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels, probabilities and groups of a study."""
    spread, factor, offset = KINDS[kind]
    owner = np.repeat(np.arange(groups), rng.integers(1, 4, groups))
    shared, own = rng.normal(size=(2, groups))[:, owner], rng.normal(size=(2, len(owner)))
    logit, threshold = spread * (shared[0] + own[0]) / np.sqrt(2), (shared[1] + own[1]) / np.sqrt(2)
    labels = (norm.cdf(threshold) < expit(logit)).astype(np.int64)
    second = expit(factor * logit + offset)
    return labels, np.stack([1 - second, second], axis=1), owner


def studied(kind: str, groups: int, studies: int) -> tuple[float, float, float, float, float]:
    """Return the true ECE, and of the studies the mean ECE, mean ends of the interval and the fraction that cover."""
    rng = np.random.default_rng([groups, *kind.encode()])
    labels, stated, owner = drawn(kind, 1_000_000, rng)
    truth = float(ece(labels, stated, np.zeros_like(owner), np.ones((1, 1)))[0])
    counts = bootstrap.resample_counts(groups, REPLICATES, 0, "simulated")
    weights = np.concatenate([np.ones((1, groups)), counts])
    found = np.empty((studies, 3))
    for study in range(studies):
        labels, stated, owner = drawn(kind, groups, rng)
        values = ece(labels, stated, owner, weights)
        estimate = Estimate(
            float(values[0]), calibration.recentred(values[0], values[1:]), units=float(groups), bounds=(0.0, 1.0),
            excess=calibration.excess(labels, stated, owner, values[1:]),
        )  # fmt: skip
        found[study] = estimate.value, *estimate.interval
    hits = (found[:, 1] <= truth) & (truth <= found[:, 2])
    return truth, *found.mean(axis=0).tolist(), float(hits.mean())


def _decimal(value: float) -> str:
    return f"{value:.3f}".lstrip("0")


def main(studies: int) -> None:
    """Print the table."""
    cells = [(kind, groups) for kind in KINDS for groups in SIZES]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(studied, *zip(*cells, strict=True), [studies] * len(cells)))
    print("| model | true ECE | " + " | ".join(f"{groups} groups" for groups in SIZES) + " |")
    print("|---|--:|" + "--:|" * len(SIZES))
    for start in range(0, len(cells), len(SIZES)):
        row = found[start : start + len(SIZES)]
        shown = [
            f"{100 * hit:.1f} ({_decimal(value)} [{_decimal(low)}, {_decimal(high)}])"
            for _, value, low, high, hit in row
        ]
        print(f"| {cells[start][0]} | {_decimal(row[-1][0])} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
