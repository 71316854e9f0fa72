"""A quick problem of two classes, stripes across or down, and a small network for it."""

from __future__ import annotations

import numpy as np
import torch

from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.images import Images, Labelled

SIDE = 32


class Small(torch.nn.Module):
    """A network with features and a last layer, that trains in a second."""

    def __init__(self):
        super().__init__()
        layers = []
        for inputs, outputs in ((1, 12), (12, 24)):
            layers += [torch.nn.Conv2d(inputs, outputs, 5, 2, 2), torch.nn.BatchNorm2d(outputs), torch.nn.ReLU()]
        self.body = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
        self.head = torch.nn.Linear(24, 2)

    def features(self, images):
        return self.body(images)

    def forward(self, images):
        return self.head(self.features(images))


def pictures(count, seed, change=lambda images: images):
    """Returns images of noise with stripes across or down, and which."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    wave = 0.15 * np.sign(np.sin(np.arange(SIDE) * np.pi / 4 + rng.uniform(0, 2 * np.pi, (count, 1))))
    stripes = np.where(labels[:, None, None] == 0, wave[:, :, None], wave[:, None, :])
    images = 0.4 + stripes + rng.normal(0, 0.15, (count, SIDE, SIDE))
    pixels = np.rint(np.clip(change(np.clip(images, 0, 1)), 0, 1) * 255).astype(np.uint8)
    return Labelled(pixels[:, None], None, labels.astype(np.int64))


def problem(change=lambda images: images, seed=0):
    """Returns what a method sees of a source and of one target, which is the source's like but for a change."""
    target = Images(pictures(160, 3, change).pixels, None)
    return Access(
        ("across", "down"),
        1,
        (SIDE, SIDE),
        pictures(160, 1),
        pictures(80, 2),
        {"target": target},
        seed,
        torch.device("cpu"),
        "x",
        lambda line: None,
    )


def low_contrast(images):
    return 0.3 * images + 0.1
