"""A quick problem of two classes, a bright square or none, and settings to train on it."""

from __future__ import annotations

import numpy as np
import torch

from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.images import Labelled

TINY = {"arch": "test_resnet", "steps": 12, "batch_size": 8}
LONGER = TINY | {"steps": 72, "patience": 1.0, "lr": 5e-3}


def access(seed: int = 0, count: int = 48, channels: int = 1, side: int = 32, content: str = "x") -> Access:
    """Returns what a source-only method sees of a small problem: a bright square or none."""
    rng = np.random.default_rng(7)

    def images(n: int) -> Labelled:
        labels = np.arange(n) % 2
        pixels = rng.integers(0, 100, (n, channels, side, side), dtype=np.uint8)
        pixels[labels == 1, :, 8:20, 8:20] += 120
        return Labelled(pixels, None, labels.astype(np.int64))

    said: list[str] = []
    return Access(
        ("no", "yes"),
        channels,
        (side, side),
        images(count),
        images(16),
        {},
        seed,
        torch.device("cpu"),
        content,
        said.append,
    )
