"""Which recipe trains networks from a random start: a search on source validation of the embedded data.

    python tests/studies/random_starts.py OUT.csv [--threads N]

Trains every network under every setting below for the same number of steps on the source of `brain-mri-sim`, and
writes one row per setting: the lowest loss on source validation and the balanced accuracy and AUROC of those weights.
Rows that are there already are not trained again. No target is looked at.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from medshift.baselines.common import training
from medshift.baselines.common.networks import Network
from medshift.baselines.common.recipe import Recipe
from medshift.baselines.scratch.cbr import CbrTiny
from medshift.benchmark.contract.access import Access, grant
from medshift.benchmark.datasets import registry
from medshift.benchmark.protocols.plan import Choices, plan
from medshift.benchmark.scoring import metrics

STEPS = 1000
RATES = (1e-3, 3e-4, 3e-3, 1e-4)
FIELDS = ("network", "optimiser", "lr", "steps", "seed", "loss", "balanced_accuracy", "auroc", "kept", "seconds")


@dataclass(frozen=True)
class Setting:
    """One setting of the search."""

    network: str
    optimiser: str
    lr: float


def settings() -> list[Setting]:
    """List the settings, the cheap networks first."""
    ways = [*(("adamw", lr) for lr in RATES), *(("sgd", lr) for lr in (3e-2, 1e-1))]
    small = [Setting(name, *way) for way, name in itertools.product(ways, ("resnet-stride1", "cbr-tiny"))]
    return small + [Setting("tf_efficientnet_lite0", *way) for way in ways]


class Stride1ResNet(nn.Module):
    """A narrow ResNet for small images: 3 x 3 stem of stride 1, no pooling before the first block."""

    def __init__(self, channels: int, classes: int, widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0])]
        last = widths[0]
        for place, width in enumerate(widths):
            layers.append(_Block(last, width, 2 if place else 1))
            last = width
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(last, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        out: torch.Tensor = self.head(self.body((images * 2 - 1).contiguous(memory_format=torch.channels_last)))
        return out


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        plain = inputs == outputs and stride == 1
        self.side = nn.Identity() if plain else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.main(x) + self.side(x))


def build(name: str, access: Access) -> nn.Module:
    """Build an untrained network."""
    if name == "cbr-tiny":
        return CbrTiny().network(access)
    if name == "resnet-stride1":
        return Stride1ResNet(access.channels, len(access.classes))
    return Network(name, len(access.classes), access.channels, 0, None)


def source(seed: int) -> Access:
    """Return what a source-only method sees of the embedded data."""
    dataset = registry.load_dataset("brain-mri-sim")
    protocol, table = plan(dataset, Choices(), registry.source(dataset))
    return grant(
        dataset, table, protocol.source, protocol.targets, "source", seed, torch.device("cpu"), "search", print
    )


def measure(access: Access, setting: Setting, steps: int) -> dict[str, object]:
    """Train one setting and measure it on source validation."""
    began = time.perf_counter()
    if setting.optimiser == "sgd":
        make = lambda groups, lr: torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True)  # noqa: E731
        training.torch.optim.AdamW, kept = make, torch.optim.AdamW  # type: ignore[misc,assignment]
    with training.seeded(access):
        network = build(setting.network, access).to(memory_format=torch.channels_last)
        decay = 5e-4 if setting.optimiser == "sgd" else 0.05
        recipe = Recipe(steps=steps, patience=1.0, lr=setting.lr, weight_decay=decay)
        try:
            record = training.train(network, access, recipe)
        finally:
            if setting.optimiser == "sgd":
                training.torch.optim.AdamW = kept  # type: ignore[misc]
    with torch.inference_mode():
        made = [network.eval()(batch).softmax(1).numpy() for batch in access.val.batches(64)]
    labels, groups = access.val.labels, np.arange(len(access.val))
    given, weights = np.concatenate(made), np.ones((1, len(labels)))
    return {
        "network": setting.network, "optimiser": setting.optimiser, "lr": setting.lr, "steps": steps,
        "seed": access.seed, "loss": min(loss for _, loss in record.losses),
        "balanced_accuracy": float(metrics.balanced_accuracy(labels, given, groups, weights)[0]),
        "auroc": float(metrics.auroc(labels, given, groups, weights)[0]), "kept": record.kept,
        "seconds": round(time.perf_counter() - began),
    }  # fmt: skip


def main() -> None:
    """Run what is missing of the search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    done = set()
    if given.out.exists():
        with given.out.open(newline="") as file:
            done = {(row["network"], row["optimiser"], float(row["lr"])) for row in csv.DictReader(file)}
    access = source(0)
    for setting in settings():
        if (setting.network, setting.optimiser, setting.lr) in done:
            continue
        print(setting, flush=True)
        row = measure(access, setting, given.steps)
        new = not given.out.exists()
        with given.out.open("a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            if new:
                writer.writeheader()
            writer.writerow(row)


if __name__ == "__main__":
    main()
