"""Coverage of the 95 % intervals, by simulating many studies of each kind.

    python tests/studies/interval_coverage.py [STUDIES]

prints the table of docs/concepts/coverage.md: 500 studies of each kind, in parallel on all cores. A coverage from 500
studies has a standard error of 1 percentage point.

A study has groups of five samples (in some rows, one group has more) and models trained with several seeds. A sample's
score is the sum of

- a class effect, -d / 2 or d / 2, where d varies between seeds, as does an offset (together the spread of the seeds);
- a group effect, the same for all seeds, and an interaction of group and seed;
- a sample effect, the same for all seeds, and noise.

So seeds and groups are crossed and interact. With one seed the interval must cover that seed's value over new groups;
with several, the mean over new seeds and groups.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from medshift.benchmark.scoring import bootstrap
from medshift.benchmark.scoring.bootstrap import ResampledSplit
from medshift.benchmark.scoring.estimate import Estimate
from medshift.benchmark.scoring.metrics import METRICS
from medshift.leaderboard.entries.scoring import over_seeds, with_seeds_redrawn
from medshift.leaderboard.ranking import comparisons

EACH = 5  # samples per group
REPLICATES = 400
SKILL, GROUP, OWN, NOISE = 1.6, 0.7, 0.6, 0.5
RARE = 0.15
SPREADS = {"none": 0.0, ".02": 0.15, ".04": 0.3}  # standard deviation of the metric -> of d and the offset


@dataclass(frozen=True)
class Kind:
    """A kind of study.

    Args:
        metric: `balanced_accuracy` or `auroc`.
        groups: Number of groups.
        seeds: Number of seeds.
        spread: Standard deviation of d and of the offset between seeds.
        classes: `even`, `rare` (15 % of the samples) or `by group` (30 % of the groups are all of one class).
        paired: Whether two models, 0.2 of d apart, are compared on the same samples.
        interaction: Standard deviation of the interaction of group and seed.
        large: Fraction of the samples that one group holds; 0 if all hold the same number.
    """

    metric: str
    groups: int
    seeds: int
    spread: float = 0.15
    classes: str = "even"
    paired: bool = False
    interaction: float = 0.3
    large: float = 0.0


def covered(kind: Kind, studies: int) -> float:
    """Return the fraction of studies whose interval covers the true value."""
    rng = np.random.default_rng([kind.groups, kind.seeds, int(100 * kind.spread), len(kind.classes), kind.paired])
    drawn = bootstrap.resample_counts(kind.groups, REPLICATES, 0, "simulated")
    again = [bootstrap.resample_counts(kind.seeds, REPLICATES, 0, "seeds", model) for model in "ab"]
    hits = 0
    for _ in range(studies):
        labels, groups, shared = _samples(kind, rng)
        cell = ResampledSplit(labels, groups, drawn)
        models = [_model(kind, cell, shared, skill, rng) for skill in (SKILL, SKILL - 0.2)[: 1 + kind.paired]]
        figures = [figure for figure, _ in models]
        truths = [truth for _, truth in models]
        if kind.paired:
            tracks = np.stack([with_seeds_redrawn(figure, seeds) for figure, seeds in zip(figures, again, strict=True)])
            values, spread = (np.array([getattr(f, what) for f in figures]) for what in ("value", "spread"))
            found = comparisons.compare(values, tracks, cell.by_class, True, spread, np.full(2, float(kind.seeds)))
            _, low, high = found.interval(0, 1)
            hits += low <= truths[0] - truths[1] <= high
        else:
            low, high = figures[0].interval
            hits += low <= truths[0] <= high
    return hits / studies


def _samples(kind: Kind, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels, groups, and the part of the scores that all models share."""
    sizes = np.full(kind.groups, EACH)
    if kind.large:
        sizes[0] = round(EACH * (kind.groups - 1) * kind.large / (1 - kind.large))
    groups = np.repeat(np.arange(kind.groups), sizes)
    if kind.classes == "by group":
        labels = (groups < round(0.3 * kind.groups)).astype(np.int64)
    else:
        labels = (rng.random(len(groups)) < (RARE if kind.classes == "rare" else 0.5)).astype(np.int64)
    return labels, groups, rng.normal(0, GROUP, kind.groups)[groups] + rng.normal(0, OWN, len(groups))


def _model(
    kind: Kind, cell: ResampledSplit, shared: np.ndarray, skill: float, rng: np.random.Generator
) -> tuple[Estimate, float]:
    """Draw a model's estimate over its seeds, and the true value that its interval should cover."""
    metric = METRICS[kind.metric]
    weights = np.concatenate([np.ones((1, kind.groups)), cell.weights])
    apart, offset = skill + rng.normal(0, kind.spread, kind.seeds), rng.normal(0, kind.spread, kind.seeds)
    parts = []
    for d, shift in zip(apart, offset, strict=True):
        noise = rng.normal(0, kind.interaction, kind.groups)[cell.groups] + rng.normal(0, NOISE, len(shared))
        second = norm.cdf((cell.labels - 0.5) * d + shift + shared + noise)
        values = metric.function(cell.labels, np.stack([1 - second, second], axis=1), cell.groups, weights)
        parts.append(Estimate(float(values[0]), values[1:], units=cell.by_class, bounds=(0.0, 1.0)))
    if kind.seeds > 1:  # over new seeds, by Gauss-Hermite quadrature
        nodes, shares = np.polynomial.hermite_e.hermegauss(21)
        apart = skill + kind.spread * np.repeat(nodes, 21)
        offset, share = kind.spread * np.tile(nodes, 21), np.outer(shares, shares).ravel()
    else:
        share = np.ones(1)
    scale = np.sqrt(GROUP**2 + OWN**2 + NOISE**2 + kind.interaction**2)
    if kind.metric == "auroc":
        truth = norm.cdf(apart / scale / np.sqrt(2))
    else:
        truth = (norm.cdf((apart / 2 + offset) / scale) + norm.cdf((apart / 2 - offset) / scale)) / 2
    return over_seeds(parts), float(np.average(truth, weights=share))


def kinds() -> list[tuple[str, dict[str, object]]]:
    """List the rows of the table: title, and the arguments that differ from the even case."""
    rows: list[tuple[str, dict[str, object]]] = []
    for metric, title in (("balanced_accuracy", "balanced accuracy"), ("auroc", "AUROC")):
        rows += [
            (f"{title}, seeds' standard deviation {name}", {"metric": metric, "spread": s})
            for name, s in SPREADS.items()
        ]
        rows.append((f"{title}, one class 15 %", {"metric": metric, "classes": "rare"}))
        rows.append((f"{title}, one class in 30 % of the groups", {"metric": metric, "classes": "by group"}))
        rows += [
            (f"{title}, one group with {100 * large:.0f} % of the samples", {"metric": metric, "large": large})
            for large in (0.2, 0.5)
        ]
        rows.append((f"{title}, difference of two models", {"metric": metric, "paired": True}))
    return rows


def main(studies: int) -> None:
    """Print the table."""
    sizes = [(groups, seeds) for groups in (20, 50, 200) for seeds in (1, 3, 5)]
    cells = [
        (title, Kind(groups=groups, seeds=seeds, **given))  # type: ignore[arg-type]
        for title, given in kinds()
        for groups, seeds in sizes
    ]
    longest = sorted(cells, key=lambda cell: -cell[1].groups * cell[1].seeds * (1 + cell[1].paired))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        running = {kind: pool.submit(covered, kind, studies) for _, kind in longest}
        for done, _ in enumerate(as_completed(running.values()), 1):
            print(f"\r{done} of {len(running)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    print("| groups × seeds | " + " | ".join(f"{groups} × {seeds}" for groups, seeds in sizes) + " |")
    print("|---|" + "--:|" * len(sizes))
    for start in range(0, len(cells), len(sizes)):
        row = cells[start : start + len(sizes)]
        found = (f"{100 * running[kind].result():.1f}" for _, kind in row)
        print(f"| {row[0][0]} | " + " | ".join(found) + " |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
