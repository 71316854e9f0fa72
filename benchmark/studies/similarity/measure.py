"""What the study measures: one long table of CKA and of distances, stage by stage, with intervals."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ...datasets.dataset import Dataset
from ...protocols.condition import Condition
from ...protocols.protocol import Protocol
from ...runs.stream import condition_batches, test_stream
from . import cka
from .activations import Activations, align, stage_activations
from .cka import Alignment
from .columns import (
    BEFORE_AFTER,
    COLUMNS,
    FALL,
    HALVES,
    MEAN,
    MOVED,
    PAIRS,
    REUSED,
    SEEDS,
    SHIFTED,
    SHIFTED_UNTRAINED,
    UNTRAINED,
)
from .networks import Trained, distances, same_start

Row: TypeAlias = "dict[str, object]"


@dataclass(frozen=True)
class TestImages:
    """Images of the source's test split, the same for all networks and conditions.

    Args:
        dataset: The images.
        protocol: Gives shifts, severities, the order of the images and the seed of their shifts.
        rows: The images, with columns sample_id, group and row.
    """

    dataset: Dataset
    protocol: Protocol
    rows: pd.DataFrame

    @property
    def ids(self) -> list[str]:
        """Names of the images."""
        return [str(name) for name in self.rows["sample_id"]]

    @property
    def groups(self) -> NDArray[np.int64]:
        """Whose image each is, 0..G-1."""
        return np.unique(self.rows["group"].astype(str), return_inverse=True)[1].astype(np.int64)

    def conditions(self) -> list[Condition]:
        """List the shifts at each severity."""
        return [condition for condition in self.protocol.conditions() if condition.kind == "synthesized"]


def draw_images(dataset: Dataset, protocol: Protocol, table: pd.DataFrame, count: int) -> TestImages:
    """Take the first images of the source's test stream, whose order is a hash of their names: any patients, any class.

    Args:
        dataset: The images.
        protocol: The protocol.
        table: Its truth, with a column `row`.
        count: Number of images; all if there are fewer.
    """
    rows = test_stream(protocol, table, Condition(protocol.source, "clean"))
    return TestImages(dataset, protocol, rows.iloc[:count])


def require_groups(protocol: Protocol, table: pd.DataFrame, count: int) -> None:
    """Check that the first images of the source's test stream are of enough patients or other groups.

    Args:
        protocol: The protocol.
        table: Its truth.
        count: Number of images.

    Raises:
        MedshiftError: They are of fewer than `cka.LEAST_GROUPS`.
    """
    rows = test_stream(protocol, table, Condition(protocol.source, "clean")).iloc[:count]
    cka.require_groups(rows["group"].nunique())


def measure(
    networks: Sequence[Trained],
    images: TestImages,
    device: torch.device,
    grid: int = 1,
) -> pd.DataFrame:
    """Measure everything; networks of an arm have one architecture.

    Args:
        networks: By arm and seed.
        images: What they look at.
        device: Where the networks are.
        grid: Cells per axis that space is averaged to.
    """
    groups = images.groups
    common: Row = {"images": len(groups), "groups": len(np.unique(groups)), "grid": grid, "pairs": PAIRS}
    arms = {arm: list(own) for arm, own in itertools.groupby(networks, key=lambda network: network.arm)}
    clean: dict[tuple[str, int, bool], Activations] = {}
    for key, found in _looks(networks, images, Condition(images.protocol.source, "clean"), device, grid):
        clean[key] = found
    rows: list[Row] = []
    for arm, own in arms.items():
        stages = clean[arm, own[0].seed, True]
        about = [
            {"arm": arm, "stage": n + 1, "name": name, "dimension": of.dimension, **common}
            for n, (name, of) in enumerate(zip(stages.stages, stages.grams, strict=True))
        ]
        rows += [{**about[at], **row} for at, row in _of_training(own, clean, groups)]
        rows += [{**about[at], **row} for at, row in _of_weights(own)]
    strongest: dict[str, float] = {}  # of each shift: matched severities differ between shifts
    for condition in images.conditions():
        strongest[condition.shift] = max(condition.severity, strongest.get(condition.shift, 0))
    for condition in images.conditions():
        untrained = condition.severity == strongest[condition.shift]
        seen = dict(_looks(networks, images, condition, device, grid, untrained))
        for arm, own in arms.items():
            labels = {"shift": condition.shift, "severity": condition.severity, "arm": arm, **common}
            stages = clean[arm, own[0].seed, True]
            for at, row in _of_shift(own, clean, seen, groups):
                rows.append({**labels, "stage": at + 1, "name": stages.stages[at],
                             "dimension": stages.grams[at].dimension, **row})  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)).fillna({"shift": "", "severity": 0.0})


def _looks(
    networks: Sequence[Trained],
    images: TestImages,
    condition: Condition,
    device: torch.device,
    grid: int,
    untrained: bool = True,
) -> Iterator[tuple[tuple[str, int, bool], Activations]]:
    """Yield what every network makes of a condition's images: (arm, seed, whether trained), activations."""
    batches = list(condition_batches(images.dataset, images.rows, images.protocol, condition, device))
    for network in networks:
        for trained in (True, False) if untrained else (True,):
            which = network.after if trained else network.before
            yield (network.arm, network.seed, trained), stage_activations(which, batches, images.ids, grid)


def _of_training(
    own: Sequence[Trained], clean: dict[tuple[str, int, bool], Activations], groups: NDArray[np.int64]
) -> Iterator[tuple[int, Row]]:
    """Yield (stage, row) of CKA before against after training, for every seed and on average, and of the controls."""
    arm = own[0].arm
    by_seed = [align(clean[arm, each.seed, False], clean[arm, each.seed, True], groups) for each in own]
    for each, found in zip(own, by_seed, strict=True):
        yield from _rows("training", BEFORE_AFTER, str(each.seed), found)
    mean = _means(by_seed)
    yield from _rows("training", BEFORE_AFTER, MEAN, mean)
    yield 0, _row("training", REUSED, MEAN, cka.difference(mean[0], mean[-1]))
    pairs = list(itertools.combinations(own, 2))
    for trained, comparison in ((True, SEEDS), (False, UNTRAINED)):
        if not pairs or (not trained and same_start(*pairs[0])):
            continue  # the same weights look the same: that is no control
        between = [align(clean[arm, a.seed, trained], clean[arm, b.seed, trained], groups) for a, b in pairs]
        yield from _rows("training", comparison, MEAN, _means(between))


def _of_shift(
    own: Sequence[Trained],
    clean: dict[tuple[str, int, bool], Activations],
    seen: dict[tuple[str, int, bool], Activations],
    groups: NDArray[np.int64],
) -> Iterator[tuple[int, Row]]:
    """Yield (stage, row) of CKA between clean and shifted images, and of where it falls."""
    arm = own[0].arm
    by_seed = [align(clean[arm, each.seed, True], seen[arm, each.seed, True], groups) for each in own]
    for each, found in zip(own, by_seed, strict=True):
        yield from _rows("shift", SHIFTED, str(each.seed), found)
    mean = _means(by_seed)
    yield from _rows("shift", SHIFTED, MEAN, mean)
    if (arm, own[0].seed, False) in seen:
        untrained = [align(clean[arm, each.seed, False], seen[arm, each.seed, False], groups) for each in own]
        yield from _rows("shift", SHIFTED_UNTRAINED, MEAN, _means(untrained))
    yield from _of_entry(mean)


def _of_entry(mean: Sequence[Alignment]) -> Iterator[tuple[int, Row]]:
    """Yield (stage, row) of the fall of CKA from stage to stage, and of the lower half of the stages against the upper.

    Before the first stage, CKA is 1: no stage has changed yet. Of an odd number of stages, each half has half of what
    is lost in the middle one.
    """
    along = [Alignment(1.0, np.ones_like(mean[0].without)), *mean]
    yield from _rows("entry", FALL, MEAN, [cka.difference(a, b) for a, b in itertools.pairwise(along)])
    half, odd = divmod(len(mean), 2)
    middle = cka.mean([along[half], along[half + odd]])
    lower, upper = cka.difference(along[0], middle), cka.difference(middle, along[-1])
    yield max(half - 1, 0), _row("entry", HALVES, MEAN, cka.difference(lower, upper))


def _of_weights(own: Sequence[Trained]) -> Iterator[tuple[int, Row]]:
    """Yield (stage, row) of how far weights moved; between the seeds lie `low` and `high` of their mean."""
    found = np.array([distances(each) for each in own])
    for each, moved in zip(own, found, strict=True):
        for stage, value in enumerate(moved):
            yield stage, {"question": "weights", "comparison": MOVED, "seed": str(each.seed), "value": float(value)}
    for stage, moved in enumerate(found.T):
        ends = {"low": float(moved.min()), "high": float(moved.max())} if len(own) > 1 else {}
        row: Row = {"question": "weights", "comparison": MOVED, "seed": MEAN, "value": float(moved.mean()), **ends}
        yield stage, row


def _means(by_seed: Sequence[Sequence[Alignment]]) -> list[Alignment]:
    return [cka.mean(stage) for stage in zip(*by_seed, strict=True)]


def _rows(question: str, comparison: str, seed: str, found: Sequence[Alignment]) -> Iterator[tuple[int, Row]]:
    for stage, each in enumerate(found):
        yield stage, _row(question, comparison, seed, each)


def _row(question: str, comparison: str, seed: str, found: Alignment) -> Row:
    low, high = found.interval
    return {
        "question": question, "comparison": comparison, "seed": seed, "value": found.value, "low": low, "high": high,
    }  # fmt: skip
