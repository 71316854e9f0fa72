"""An entry whose share of errors is known under every condition: one image per patient, both classes alike."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medshift.benchmark.protocols import truth

SITES = ("site-b", "site-c")


def rows(patients=100, targets=SITES):
    """Make a truth with as many patients of each class in every split, one image each."""
    made = []
    splits = [("site-a", "train"), ("site-a", "val"), ("site-a", "test"), *((site, "test") for site in targets)]
    for domain, split in splits:
        for number in range(2 * patients):
            name = f"{domain}-{split}-{number:04d}"
            made.append((f"{name}.png", number % 2, domain, name, split))
    return truth.tidy(pd.DataFrame(made, columns=["sample_id", "label", "domain", "group", "split"]))


def arrays(protocol, table, wrong):
    """Make probabilities of .9 for the predicted class, of which a share is wrong in each class.

    Args:
        protocol: The protocol.
        table: Its truth.
        wrong: Condition -> share of the patients of each class that are called the other.
    """
    made = {}
    for condition in protocol.conditions():
        labels = truth.truth_of(table, condition)["label"].to_numpy()
        called = labels.copy()
        for label in (0, 1):
            own = np.flatnonzero(labels == label)
            changed = own[: round(wrong(condition) * len(own))]
            called[changed] = 1 - label
        made[condition.key] = np.where(np.arange(2) == called[:, None], 0.9, 0.1).astype(np.float32)
    return made
