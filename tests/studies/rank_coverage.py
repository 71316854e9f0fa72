"""How often the 95 % interval of a rank holds the true rank, and how often it tells equal entries apart.

    python tests/studies/rank_coverage.py [STUDIES]

Five entries on the same 40 patients, with one or three seeds. Their true figures are equal or .02 apart; what an entry
gets right varies between patients by .03 beside what all entries share (.15), and between seeds by nothing or by .03.
"""

from __future__ import annotations

import sys

import numpy as np

from medshift.benchmark.scoring.bootstrap import resample_counts
from medshift.benchmark.scoring.estimate import Estimate
from medshift.leaderboard.entries.scoring import over_seeds, with_seeds_redrawn
from medshift.leaderboard.ranking.comparisons import compare, rank_intervals

ENTRIES, PATIENTS, RESAMPLES = 5, 40, 200
SHARED, OWN = 0.15, 0.03  # standard deviations between patients
KINDS = [(step, seeds, spread) for step in (0.0, 0.02) for seeds, spread in ((1, 0.0), (3, 0.0), (3, 0.03))]


def intervals(rng: np.random.Generator, step: float, seeds: int, spread: float) -> np.ndarray:
    """Draw a study; return the intervals of the ranks, (ENTRIES, 2), the best entry first."""
    counts = rng.multinomial(PATIENTS, np.full(PATIENTS, 1 / PATIENTS), size=RESAMPLES) / PATIENTS
    patients = rng.normal(0, SHARED, PATIENTS)
    found = []
    for entry in range(ENTRIES):
        own = 0.8 - step * entry + patients + rng.normal(0, OWN, PATIENTS)
        each = [own + rng.normal(0, spread) for _ in range(seeds)]
        found.append(over_seeds([Estimate(float(one.mean()), counts @ one, units=float(PATIENTS)) for one in each]))
    drawn = [with_seeds_redrawn(one, resample_counts(seeds, RESAMPLES, 0, str(name))) for name, one in enumerate(found)]
    spreads = np.array([one.spread if one.by_seed.size else (0.0, 0.0) for one in found])
    values = np.array([one.value for one in found])
    pairs = compare(values, np.stack(drawn), PATIENTS, True, spreads, np.full(ENTRIES, float(seeds)))
    return rank_intervals(pairs, range(ENTRIES))


def main(studies: int) -> None:
    """Print the table."""
    print("| true figures | seeds | seeds' standard deviation | true rank inside, % | some equal entries apart, % |")
    print("|---|--:|--:|--:|--:|")
    for number, (step, seeds, spread) in enumerate(KINDS):
        rng = np.random.default_rng(number)
        ends = np.stack([intervals(rng, step, seeds, spread) for _ in range(studies)])
        places = np.arange(1, ENTRIES + 1)
        first, last = (places, places) if step else (1, ENTRIES)  # of equal entries, every rank is true
        inside = (ends[..., 0] <= first) & (last <= ends[..., 1])
        apart = "–" if step else f"{100 * (ends[..., 0].max(axis=1) > ends[..., 1].min(axis=1)).mean():.1f}"
        kind = f"{step:.2f} apart".lstrip("0") if step else "equal"
        of_seeds = f"{spread:.2f}".lstrip("0") if spread else "none"
        print(f"| {kind} | {seeds} | {of_seeds} | {100 * inside.mean():.1f} | {apart} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
