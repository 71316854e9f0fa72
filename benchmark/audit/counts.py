"""How many images and groups there are, where, and which groups stand in several domains."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from ...shifts.errors import MedshiftError
from ..datasets.dataset import Dataset
from ..protocols import splits

FEW_IMAGES, FEW_GROUPS = 10, 5  # of a class in a domain: below, no figure of it means anything


@dataclass(frozen=True)
class Counts:
    """The numbers of a data set.

    Args:
        table: The data set's rows with a column `split`; empty text where there is none.
        images: Images by domain and class, a row a domain.
        groups: Groups by domain and class, alike.
        by_split: Images by domain and split.
        per_group: Domain -> least, median and most images of a group.
        shared: (domain, domain, groups in both), of those that share any.
        in_several: How many groups stand in more than one domain.
        scarce: (domain, class, images) of classes that are missing or nearly so.
        unsplit: Why the domains cannot be split by group, or empty.
    """

    table: pd.DataFrame
    images: pd.DataFrame
    groups: pd.DataFrame
    by_split: pd.DataFrame
    per_group: dict[str, tuple[int, float, int]]
    shared: list[tuple[str, str, int]]
    in_several: int
    scarce: list[tuple[str, str, int]]
    unsplit: str


def counts(dataset: Dataset, source: str) -> Counts:
    """Returns the numbers of a data set, split as a protocol with this source would be."""
    table, why = _split(dataset, source)
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
    members = {name: set(rows["group"]) for name, rows in table.groupby("domain")}
    pairs = [(one, other, len(members[one] & members[other])) for one, other in combinations(dataset.domains, 2)]
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
        shared=[pair for pair in pairs if pair[2]],
        in_several=int((table.groupby("group")["domain"].nunique() > 1).sum()),
        scarce=scarce,
        unsplit=why,
    )


def _split(dataset: Dataset, source: str) -> tuple[pd.DataFrame, str]:
    others = tuple(name for name in dataset.domains if name != source)
    try:
        return splits.split(dataset.table, source, others).loc[dataset.table.index], ""
    except MedshiftError as error:
        table = dataset.table.copy()
        if "split" not in table:
            table["split"] = ""
        return table, str(error)
