"""Data sets of smooth noise, in which a test may hide something, or of chosen sites, patients and classes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medshift.benchmark.datasets.dataset import Dataset


def data(domains=(("a", 60), ("b", 60)), side=24, channels=1, classes=("well", "<b>ill</b>"), edit=None, **columns):
    """Return smooth noise with two images per group; `edit(pixels, table)` may hide something in it."""
    rng = np.random.default_rng(0)
    rows = [
        (f"{name}-{i}", (i // 2) % len(classes), name, f"{name}-g{i // 2}")
        for name, count in domains
        for i in range(count)
    ]
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group"]).assign(**columns)
    coarse = rng.uniform(0.2, 0.8, (len(table), channels, side // 4, side // 4)).repeat(4, 2).repeat(4, 3)
    pixels = coarse + rng.normal(0, 0.02, (len(table), channels, side, side))
    pixels = (255 * pixels.clip(0, 1)).round().astype(np.uint8)
    if edit is not None:
        edit(pixels, table)
    return Dataset("made-up", "1", classes, "any", table, pixels)


def sites(patients, classes=("neg", "pos"), group="{site}-{number}", label=None, split=None, each=2):
    """Make a data set of chosen sites, patients and classes; what its images show does not matter.

    Args:
        patients: Site -> number of patients.
        classes: Names of the classes.
        group: Name of a patient.
        label: Function of site and number of a patient; by default classes take turns.
        split: Function of site and number; by default there is no column `split`.
        each: Images per patient.
    """
    rows = []
    for site, count in patients.items():
        for number in range(count):
            for image in range(each):
                own = number % len(classes) if label is None else label(site, number)
                name = group.format(site=site, number=number)
                given = () if split is None else (split(site, number),)
                rows.append((f"im/{site}_{number:03d}_{image}.png", own, site, name, *given))
    columns = ["sample_id", "label", "domain", "group", *(["split"] if split else [])]
    pixels = np.random.default_rng(0).integers(0, 256, (len(rows), 1, 16, 16), dtype=np.uint8)
    return Dataset("made-up", "1", tuple(classes), "xray", pd.DataFrame(rows, columns=columns), pixels)
