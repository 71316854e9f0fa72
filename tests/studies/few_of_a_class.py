"""Few patients of one class: `python tests/studies/few_of_a_class.py [STUDIES]`.

Of five sick patients, all are often right by luck, and then no resample shows an error of theirs. How often does the
interval hold the truth, and how often is a limit called met that the truth misses by .001? Each patient has one image;
or, in the second table, an image of each class, all of them wrong in some patients, at one site or at three.
"""

from __future__ import annotations

import sys

import numpy as np

from medshift.benchmark.protocols.condition import Condition
from medshift.benchmark.scoring.bootstrap import ResampledSplit, resample_counts
from medshift.benchmark.scoring.estimate import intervals_of, mean
from medshift.benchmark.scoring.metrics import metrics_by_name
from medshift.benchmark.scoring.scores import estimate_conditions

STUDIES, REPLICATES, TAIL = 1000, 400, 0.05
KINDS = [(3, 60), (5, 60), (10, 10), (10, 200), (20, 20), (60, 6)]  # patients with and without the disease
RECALLS = [(0.7, 0.98), (0.85, 0.95), (0.95, 0.95)]
METRICS = ("balanced_accuracy", "sensitivity", "specificity")


def simulate(sick, fine, recalls, studies):
    """Return metric -> how often the interval holds the truth, and a limit just above it is called met."""
    rng, labels = np.random.default_rng(0), np.repeat([1, 0], [sick, fine])
    truth = dict(zip(METRICS, (sum(recalls) / 2, *recalls), strict=True))
    held = {name: [] for name in METRICS}
    condition = Condition("a", "real")
    for study in range(studies):
        drawn = resample_counts(len(labels), REPLICATES, study, "few")
        right = rng.random(len(labels)) < np.where(labels == 1, *recalls)
        sure = np.where(right, labels, 1 - labels) * 0.8 + 0.1
        given = np.stack([1 - sure, sure], axis=1)
        split = ResampledSplit(labels, np.arange(len(labels)), drawn)
        found = estimate_conditions(
            metrics_by_name(METRICS), [condition], {("a", "test"): split}, {"a": given}, np.full(2, 0.5)
        )["a"]
        for name, estimate in found.items():
            (low, high), (bound, _) = (intervals_of([estimate], tail)[0] for tail in (TAIL / 2, TAIL))
            held[name].append((low <= truth[name] <= high, bound >= truth[name] + 0.001))
    return {name: np.mean(each, axis=0) for name, each in held.items()}


def travelling(patients, wrong, sites, studies):
    """Return the same of the balanced accuracy of patients with images of both classes, the same at every site."""
    rng, labels, groups = np.random.default_rng(0), np.tile([0, 1], patients), np.repeat(np.arange(patients), 2)
    conditions = [Condition(f"site {number}", "real") for number in range(sites)]
    held = []
    for study in range(studies):
        drawn = resample_counts(patients, REPLICATES, study, "few")
        split = ResampledSplit(labels, groups, drawn)
        right = np.repeat(rng.random(patients) >= wrong, 2)
        sure = np.where(right, labels, 1 - labels) * 0.8 + 0.1
        given = np.stack([1 - sure, sure], axis=1)
        found = estimate_conditions(
            metrics_by_name(METRICS[:1]),
            conditions,
            {(each.domain, "test"): split for each in conditions},
            {each.key: given for each in conditions},
            np.full(2, 0.5),
        )
        whole = mean([found[each.key][METRICS[0]] for each in conditions])
        (low, high), (bound, _) = (intervals_of([whole], tail)[0] for tail in (TAIL / 2, TAIL))
        held.append((low <= 1 - wrong <= high, bound >= 1 - wrong + 0.001))
    return np.mean(held, axis=0)


def main():
    """Print the table."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES
    print("| sick + fine | recalls | balanced accuracy | sensitivity | specificity |\n|---|---|--:|--:|--:|")
    for sick, fine in KINDS:
        for recalls in RECALLS:
            found = simulate(sick, fine, recalls, studies)
            cells = " | ".join(f"{100 * holds:.1f} / {100 * met:.1f}" for holds, met in found.values())
            both = ", ".join(f"{recall:.2f}".lstrip("0") for recall in recalls)
            print(f"| {sick} + {fine} | {both} | {cells} |", flush=True)
    print("\n| patients | wrong in | one site | mean of three sites |\n|---|---|--:|--:|")
    for patients in (6, 12, 24):
        for wrong in (0.05, 0.15, 0.3):
            cells = [travelling(patients, wrong, sites, studies) for sites in (1, 3)]
            shown = " | ".join(f"{100 * holds:.1f} / {100 * met:.1f}" for holds, met in cells)
            print(f"| {patients} | {100 * wrong:.0f} % | {shown} |", flush=True)


if __name__ == "__main__":
    main()
