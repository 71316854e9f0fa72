"""Data sets of chosen sites, patients and classes; what the images show does not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medshift.benchmark.datasets.dataset import Dataset


def sites(patients, classes=("neg", "pos"), group="{site}-{number}", label=None, split=None, each=2):
    """Make a data set with two images per patient.

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
