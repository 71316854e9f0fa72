"""Label efficiency: nested fractions of the source's training groups, so that runs can be compared."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from ....shifts.errors import MedshiftError
from ...files.wording import plural
from ..protocol import Protocol


def keep_fraction(table: pd.DataFrame, source: str, fraction: float, seed: int = 0) -> pd.DataFrame:
    """Keep a fraction of the source's training groups and mark the others `unused`.

    Nested: what is kept at 0.1 is kept at 0.3. Validation and test splits are unchanged, so that conditions and their
    samples are the same for every fraction.

    Args:
        table: Columns label, domain, group and split; others are kept.
        source: The domain to train on.
        fraction: Fraction of its training groups, in (0, 1]; every class keeps at least one group.
        seed: Seed of the choice of groups.
    """
    training = (table["domain"] == source) & (table["split"] == "train")
    groups = nested_group_order(table[training], seed)
    kept = set(groups[: max(round(fraction * len(groups)), 1)])
    # the first groups of the order cover all classes: even a very small fraction keeps each class
    kept |= set(groups[: _covering(table[training], groups)])
    dropped = training & ~table["group"].isin(kept)
    return table.assign(split=table["split"].where(~dropped, "unused"))


def nested_group_order(train: pd.DataFrame, seed: int) -> list[str]:
    """Order groups so that every prefix is balanced across classes.

    A group counts towards its most frequent class. Within a class, groups are ordered by a hash of seed and group, so
    the order depends on nothing else; classes take turns in proportion to their sizes, after one group for each class.

    Args:
        train: Columns label and group.
        seed: Seed of the order.
    """
    counts = train.groupby(["group", "label"]).size().unstack(fill_value=0).sort_index(axis=1)
    of_class = pd.DataFrame({"class": counts.to_numpy().argmax(axis=1)}, index=counts.index)
    of_class["place"] = [hashlib.sha256(f"labels\x1f{seed}\x1f{name}".encode()).hexdigest() for name in counts.index]
    of_class = of_class.sort_values("place")
    turns = of_class.groupby("class")
    of_class["position"] = (turns.cumcount() + 0.5) / turns["place"].transform("size")
    names = of_class.sort_values(["position", "place"]).index
    holds = counts.loc[names].to_numpy() > 0
    first: list[int] = []
    for column in np.argsort(holds.sum(axis=0), kind="stable"):  # the rarest class chooses first
        if not holds[first, column].any():
            first.append(int(np.argmax(holds[:, column])))
    return [str(name) for name in [*names[first], *names.delete(first)]]


def _covering(train: pd.DataFrame, groups: list[str]) -> int:
    """Return how many of the first groups are needed to cover every class."""
    place = train["group"].map({name: index for index, name in enumerate(groups)})
    return int(place.groupby(train["label"]).min().max()) + 1


def protocol_name(base: str, fraction: float, seed: int = 0) -> str:
    """Name the protocol of a fraction: `base` for all labels, else `base-labels-10`."""
    if fraction == 1:
        return base
    return f"{base}-labels-{100 * fraction:g}" + (f"-seed-{seed}" if seed else "")


def parse_fractions(text: str) -> tuple[float, ...]:
    """Parse the fractions in an option, descending.

    Raises:
        MedshiftError: A fraction is not a number in (0, 1], or is repeated.
    """
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 < fraction <= 1 for fraction in found) or len(set(found)) < len(found):
        raise MedshiftError(
            f"--label-fractions takes distinct numbers above 0 and up to 1, separated by commas, not {text!r}"
        )
    return tuple(sorted(found, reverse=True))


def kept_fraction(protocol: Protocol, table: pd.DataFrame) -> float:
    """Return the fraction of the source's training groups that is kept: whole groups, and some of every class."""
    source = table[table["domain"].isin([protocol.source, protocol.mixed])]
    kept, whole = (source["group"][source["split"].isin(names)].nunique() for names in (["train"], ["train", "unused"]))
    return kept / whole if whole else 1.0


def label_budget(protocol: Protocol, table: pd.DataFrame) -> str:
    """Format how many labels of the source are used: `12 of 60 groups, 24 of 118 images, and 40 images to validate`.

    Labels of validation are not saved by training on fewer, and are counted beside them.
    """
    source = table[table["domain"].isin([protocol.source, protocol.mixed])]
    train, all_of_it = source[source["split"] == "train"], source[source["split"].isin(["train", "unused"])]
    groups = f"{train['group'].nunique():,} of {all_of_it['group'].nunique():,} groups"
    validated = (source["split"] == "val").sum()
    return f"{groups}, {len(train):,} of {len(all_of_it):,} images, and {plural(validated, 'image')} to validate"
