"""How often verdicts err where the truth is exactly at the limit: `python tests/studies/verdict_errors.py`.

A demand at its limit must be called met in at most 5 % of studies, and not met as rarely. Losses are the hard case:
between few patients, or from small shifts, most resamples show no change at all. Without the patient more that
`margins` adds, a loss at the limit is called met in 14 to 17 % of studies; with it, in 0 to 3 %.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medshift.benchmark.scoring.bootstrap import resample_counts
from medshift.benchmark.scoring.estimate import Estimate, intervals_of, weighted
from medshift.leaderboard.assurance.margins import TAIL, with_one_patient_more

STUDIES, REPLICATES = 1500, 400


def share(hits, drawn):
    """Return the share of hits (patients, images) as an estimate."""
    patients, images = hits.shape
    each = hits.mean(axis=1)
    replicates = drawn @ each / patients
    return Estimate(
        float(each.mean()), replicates, patients * images, patients, units=float(patients), bounds=(0.0, 1.0)
    )


def chances(rng, mean, concentration, patients, images):
    """Draw each patient's chance: the same for one image each, or spread between patients."""
    if images == 1:
        return np.full((patients, 1), mean)
    return rng.beta(concentration * mean, concentration * (1 - mean), patients)[:, None]


def figure(patients, images, limit, studies=STUDIES):
    """Return how often a figure truly at its limit is called met, and not met."""
    rng, found = np.random.default_rng(0), []
    for study in range(studies):
        drawn = resample_counts(patients, REPLICATES, study, "verdict")
        hits = rng.random((patients, images)) < chances(rng, limit, 4, patients, images)
        low, high = intervals_of([share(hits, drawn)], TAIL)[0]
        found.append((low >= limit, high < limit))
    return np.mean(found, axis=0)


def loss(patients, images, changed, studies=STUDIES):
    """Return how often a loss truly at its limit is called met, met without the patient more, and not met."""
    rng, found = np.random.default_rng(0), []
    limit = 0.9 * changed  # of right answers, so many become wrong
    for study in range(studies):
        drawn = resample_counts(patients, REPLICATES, study, "verdict")
        clean = rng.random((patients, images)) < 0.9
        shifted = clean & (rng.random((patients, images)) >= chances(rng, changed, 1, patients, images))
        plain = weighted([share(clean, drawn), share(shifted, drawn)], [1, -1])
        plain = replace(plain, samples=patients * images, groups=patients)
        (low, high), (_, bare) = intervals_of([with_one_patient_more(plain), plain], TAIL)
        found.append((high <= limit, bare <= limit, low > limit))
    return np.mean(found, axis=0)


if __name__ == "__main__":
    for patients, images, limit in ((40, 1, 0.85), (40, 6, 0.85), (100, 1, 0.85), (20, 6, 0.9)):
        print("figure", patients, images, limit, figure(patients, images, limit))
    for patients, images, changed in ((40, 1, 0.05), (40, 6, 0.05), (56, 12, 0.05), (100, 1, 0.05)):
        print("loss", patients, images, changed, loss(patients, images, changed))
