"""A data set of smooth noise, in which a test may hide something."""

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
