"""Arrange a data set as a protocol needs it: the order of two classes, the names of groups, given splits."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...shifts.errors import MedshiftError, near
from ..datasets.dataset import Dataset
from ..datasets.shared_groups import groups_per_domain

if TYPE_CHECKING:
    from .choices import Choices
    from .protocol import Protocol


def arrange(dataset: Dataset, choices: Choices) -> Dataset:
    """Return the data set as the choices want it, or itself where it already is so.

    The class to find is always the second of two: `positive` reorders the classes. `groups_per_domain` puts the domain
    before every group, and `ignore_split` drops the column `split`.

    Raises:
        MedshiftError: `positive` is not a class, or there are more than two classes.
    """
    if choices.positive:
        dataset = _with_classes(dataset, _positive_last(dataset, choices.positive))
    table = groups_per_domain(dataset.table) if choices.groups_per_domain else dataset.table
    if choices.ignore_split and "split" in table:
        table = table.drop(columns="split")
    return dataset if table is dataset.table else dataclasses.replace(dataset, table=table)


def arrange_like(dataset: Dataset, protocol: Protocol, table: pd.DataFrame) -> Dataset:
    """Return the data set with the order of classes and the names of groups of a protocol that was made of it.

    Its own column `split` is dropped: the truth has the splits. What differs otherwise stays as it is, and is found by
    a comparison.

    Args:
        dataset: The data set.
        protocol: The protocol.
        table: Its truth.
    """
    if "split" in dataset.table:
        dataset = dataclasses.replace(dataset, table=dataset.table.drop(columns="split"))
    wanted = protocol.dataset.classes
    if sorted(wanted) == sorted(dataset.classes):
        dataset = _with_classes(dataset, wanted)
    here = pd.Series(dataset.table["group"].astype(str).to_numpy(), index=dataset.table["sample_id"].astype(str))
    there = pd.Series(table["group"].astype(str).to_numpy(), index=table["sample_id"].astype(str))
    domains = pd.Series(table["domain"].astype(str).to_numpy(), index=there.index)
    named = domains + "/" + here.reindex(there.index)
    renamed = there[(there == named).to_numpy()]
    if not len(renamed):
        return dataset
    here.update(renamed)
    return dataclasses.replace(dataset, table=dataset.table.assign(group=here.to_numpy()))


def _positive_last(dataset: Dataset, positive: str) -> tuple[str, ...]:
    classes = dataset.classes
    if len(classes) != 2:
        raise MedshiftError(
            f"--positive is for two classes, and {dataset.name!r} has {len(classes)}, over which every metric is a "
            "mean: leave it out, or keep two with --classes"
        )
    if positive not in classes:
        raise MedshiftError(f"--positive: no class {positive!r}.{near(positive, classes)}")
    return tuple(sorted(classes, key=lambda name: name == positive))


def _with_classes(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """Reorder the classes of a data set, and renumber its labels."""
    if classes == dataset.classes:
        return dataset
    numbers = np.array([classes.index(name) for name in dataset.classes], dtype=np.int64)
    labels = numbers[dataset.table["label"].to_numpy(dtype=np.int64)]
    return dataclasses.replace(dataset, classes=classes, table=dataset.table.assign(label=labels))
