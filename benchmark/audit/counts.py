"""Counts of images and groups by domain, class and split, and the groups that several domains share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...shifts.errors import MedshiftError
from ..datasets.dataset import Dataset
from ..datasets.shared_groups import Overlap, count_shared, overlaps
from ..protocols import splits
from ..protocols.untested import require_tested

FEW_IMAGES, FEW_GROUPS = 10, 5  # per class and domain; with fewer, a figure means nothing


@dataclass(frozen=True)
class Counts:
    """Counts of a data set.

    Args:
        table: The data set's rows with a column `split`, empty where no split could be made.
        images: Images by domain (rows) and class (columns).
        groups: Groups by domain (rows) and class (columns).
        by_split: Images by domain (rows) and split (columns).
        per_group: Domain -> minimum, median and maximum number of images per group.
        shared: Pairs of domains that share groups, most groups first.
        in_several: Number of groups that occur in more than one domain.
        scarce: (domain, class, images) of classes with too few images or groups.
        unsplit: Why a run would refuse to split the domains by group, or to test some of them; empty if it would not.
    """

    table: pd.DataFrame
    images: pd.DataFrame
    groups: pd.DataFrame
    by_split: pd.DataFrame
    per_group: dict[str, tuple[int, float, int]]
    shared: list[Overlap]
    in_several: int
    scarce: list[tuple[str, str, int]]
    unsplit: str


def counts(dataset: Dataset, source: str) -> Counts:
    """Count images and groups of a data set, split as a protocol with this source would split it."""
    table, unsplit = _split(dataset, source)
    named = table.assign(label=[dataset.classes[label] for label in table["label"]])
    images = pd.crosstab(named["domain"], named["label"]).reindex(
        index=dataset.domains, columns=list(dataset.classes), fill_value=0
    )
    groups = (
        named.groupby(["domain", "label"])["group"]
        .nunique()
        .unstack(fill_value=0)
        .reindex(index=dataset.domains, columns=list(dataset.classes), fill_value=0)
    )
    sizes = {name: rows.groupby("group").size() for name, rows in table.groupby("domain")}
    few = (images.to_numpy() < FEW_IMAGES) | (groups.to_numpy() < FEW_GROUPS)
    scarce = [
        (dataset.domains[row], dataset.classes[column], int(images.to_numpy()[row, column]))
        for row, column in np.argwhere(few).tolist()
    ]
    return Counts(
        table=table,
        images=images,
        groups=groups,
        by_split=pd.crosstab(table["domain"], table["split"]).reindex(dataset.domains),
        per_group={str(name): (int(n.min()), float(n.median()), int(n.max())) for name, n in sizes.items()},
        shared=overlaps(table),
        in_several=count_shared(table),
        scarce=scarce,
        unsplit=unsplit,
    )


def _split(dataset: Dataset, source: str) -> tuple[pd.DataFrame, str]:
    others = tuple(name for name in dataset.domains if name != source)
    try:
        table = splits.split(dataset.table, source, others, dataset.classes).loc[dataset.table.index]
    except MedshiftError as error:
        table = dataset.table.copy()
        if "split" not in table:
            table["split"] = ""
        return table, str(error).rstrip(".")
    try:
        require_tested(dataset.table, table, source, others)
    except MedshiftError as error:
        return table, str(error).rstrip(".")
    return table, ""
