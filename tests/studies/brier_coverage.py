"""Coverage of the Brier score's interval: `python tests/studies/brier_coverage.py [STUDIES]`.

Of few patients, a good model often gets all right by luck, and then no resample shows an error. How often does the
interval hold the truth, and how often is a limit called met that the truth misses by .001?
"""

from __future__ import annotations

import sys

import numpy as np

from medshift.benchmark.protocols.condition import Condition
from medshift.benchmark.scoring.bootstrap import ResampledSplit, resample_counts
from medshift.benchmark.scoring.estimate import intervals_of
from medshift.benchmark.scoring.metrics import metrics_by_name
from medshift.benchmark.scoring.scores import estimate_conditions

STUDIES, REPLICATES, TAIL = 1000, 400, 0.05
PATIENTS, ERRORS = (6, 10, 20, 40, 100), (0.02, 0.05, 0.1, 0.3, 0.9)
MANY = 200_000  # images, of which the true score is computed
CONDITION, METRIC = Condition("a", "clean"), metrics_by_name(["brier"])


def draw(rng, patients, each, error, doubt):
    """Draw labels, patients and probabilities: rates of error differ between patients, doubt between images."""
    groups = np.repeat(np.arange(patients), each)
    labels = np.arange(len(groups)) % 2
    rates = np.full(patients, error) if each == 1 else rng.beta(2 * error, 2 * (1 - error), patients)
    sure = np.clip(1 - rng.exponential(doubt, len(groups)), 0.6, 1)
    own = np.where(rng.random(len(groups)) < rates[groups], 1 - sure, sure)
    second = np.where(labels == 1, own, 1 - own)
    return labels, groups, np.stack([1 - second, second], axis=1).astype(np.float32)


def simulate(patients, each, error, doubt, studies):
    """Return how often the interval holds the truth, and a limit just below it is called met."""
    rng = np.random.default_rng(0)
    labels, _, given = draw(rng, MANY // each, each, error, doubt)
    truth = float(((given - np.eye(2)[labels]) ** 2).sum(axis=1).mean())
    held = []
    for study in range(studies):
        labels, groups, given = draw(rng, patients, each, error, doubt)
        split = ResampledSplit(labels, groups, resample_counts(patients, REPLICATES, study, "brier"))
        found = estimate_conditions(METRIC, [CONDITION], {("a", "test"): split}, {"a": given}, np.full(2, 0.5))["a"]
        (low, high), (_, bound) = (intervals_of([found["brier"]], tail)[0] for tail in (TAIL / 2, TAIL))
        held.append((low <= truth <= high, bound <= truth - 0.001))
    return np.mean(held, axis=0)


def main():
    """Print the table."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES
    print(f"| patients, images each, doubt | {' | '.join(f'wrong in {100 * e:.0f} %' for e in ERRORS)} |")
    print("|---|" + "--:|" * len(ERRORS))
    for patients in PATIENTS:
        for each, doubt in ((1, 0.01), (1, 0.15), (5, 0.15)):
            cells = [simulate(patients, each, error, doubt, studies) for error in ERRORS]
            shown = " | ".join(f"{100 * holds:.1f} / {100 * met:.1f}" for holds, met in cells)
            print(f"| {patients}, {each}, {doubt:.2f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
