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
from medshift.baselines.common.recipe import Recipe
from medshift.baselines.networks.network import Network
from medshift.baselines.scratch.cbr import CbrTiny
from medshift.benchmark.contract.access import Access, grant
from medshift.benchmark.datasets import registry
from medshift.benchmark.protocols.plan import Choices, plan
from medshift.benchmark.scoring import metrics

STEPS = 1000
RATES = (1e-3, 3e-4, 3e-3, 1e-4)
KEYS = ("network", "optimiser", "lr", "norm_momentum", "dropout")
FIELDS = (*KEYS, "steps", "seed", "loss", "balanced_accuracy", "auroc", "kept", "seconds")


@dataclass(frozen=True)
class Setting:
    """One setting of the search."""

    network: str
    optimiser: str = "adamw"
    lr: float = 1e-3
    norm_momentum: float = 0.1
    dropout: float = 0.0

    @property
    def key(self) -> tuple[str, ...]:
        """What tells the setting from others, as text."""
        return tuple(str(getattr(self, name)) for name in KEYS)


def settings() -> list[Setting]:
    """List the settings, the cheap networks first."""
    ways = [*(("adamw", lr) for lr in RATES), *(("sgd", lr) for lr in (3e-2, 1e-1))]
    small = ("small-resnet", "cbr-tiny")
    return [
        *(Setting(name, *way) for way, name in itertools.product(ways, small)),
        *(Setting(name, norm_momentum=0.01) for name in small),
        *(Setting(name, dropout=0.2) for name in small),
        *(Setting("tf_efficientnet_lite0", *way) for way in ways),
    ]


def build(setting: Setting, access: Access) -> nn.Module:
    """Build an untrained network; dropout is before its last layer."""
    if setting.network == "cbr-tiny":
        network = CbrTiny().network(access)
        network[-1] = nn.Sequential(nn.Dropout(setting.dropout), network[-1])  # type: ignore[operator,index]
    else:
        network = Network(setting.network, len(access.classes), access.channels, 0, None)
        network.body.drop_rate = setting.dropout
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = setting.norm_momentum
    return network


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
        network = build(setting, access).to(memory_format=torch.channels_last)
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
        **dict(zip(KEYS, setting.key, strict=True)),
        "steps": steps, "seed": access.seed, "loss": min(loss for _, loss in record.losses),
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
    done: set[tuple[str, ...]] = set()
    if given.out.exists():
        with given.out.open(newline="") as file:
            done = {tuple(row[name] for name in KEYS) for row in csv.DictReader(file)}
    access = source(0)
    for setting in settings():
        if setting.key in done:
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
