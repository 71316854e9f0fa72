"""Protocols to be shared: made from data, published without pixels, and held against the data of whoever runs them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from ..shifts.errors import MedshiftError
from . import datasets, label_fractions, rerun, splits, truth
from .dataset import Dataset
from .planning import Choices, plan, settled
from .protocol import Protocol

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,99}")
TRUTH = ("label", "domain", "group")


def make(
    dataset: Dataset,
    choices: Choices,
    name: str,
    *,
    source: str = "",
    version: str = "1",
    fractions: Sequence[float] = (1.0,),
    label_seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[tuple[Protocol, pd.DataFrame]]:
    """Returns a protocol and its truth for each fraction of labels.

    All have the same tests: severities, too, are matched once, on all training images, whose labels that does not need.

    Args:
        dataset: The data set.
        choices: Domains, shifts, severities.
        name: Of the protocol with all labels; the others add the percentage.
        source: The data set's own source, where it has one.
        version: Of the protocol.
        fractions: Of the source's training groups, in (0, 1].
        label_seed: Which groups.
        progress: Called with the number of shifts whose severities are matched, and of all.

    Raises:
        MedshiftError: The name is none, or the choices do not suit the data.
    """
    if not NAME.fullmatch(name):
        raise MedshiftError(
            f"a protocol's name is up to 100 letters, digits and ._+@- and begins with a letter or digit, not {name!r}"
        )
    if not 0 < len(version) <= 40:
        raise MedshiftError(f"a protocol's version has 1 to 40 characters, not {len(version)}")
    whole, table = plan(dataset, choices, source, progress)
    made = []
    for fraction in fractions:
        rows = label_fractions.cut(table, whole.source, fraction, label_seed)
        splits.check(rows, whole.source)
        changes = {
            "name": label_fractions.name(name, fraction, label_seed),
            "version": version,
            "truth_sha256": truth.digest(rows),
        }
        made.append((Protocol.model_validate({**whole.model_dump(by_alias=True), **changes}), rows))
    return made


def adopt(folder: Path, name: str | None = None, data: Path | None = None) -> tuple[Dataset, Protocol, pd.DataFrame]:
    """Returns the data set, the protocol of a folder, and its truth with a column `row`.

    Args:
        folder: Holds protocol.json and truth.parquet.
        name: The data set; that of the protocol by default.
        data: Or the folder of the images.

    Raises:
        MedshiftError: The data at hand are not those of the protocol; the message says all that differs.
    """
    if name is not None and data is not None:
        raise MedshiftError("give --dataset NAME or --data DIR, not both")
    protocol, table = settled(folder)
    found = datasets.load(name) if name is not None else rerun.data_of(protocol, data)
    wrong = differences(protocol, table, found)
    if wrong:
        listed = "\n  ".join(wrong)
        raise MedshiftError(f"the data at hand are not those of protocol {protocol.name!r}:\n  {listed}")
    return dataclasses.replace(found, name=protocol.dataset.name), protocol, rerun.with_rows(table, found)


def differences(protocol: Protocol, table: pd.DataFrame, dataset: Dataset) -> list[str]:
    """Returns all in which a data set differs from what a protocol was made of; samples it has beyond are no matter.

    Pixels are compared in shape and grey levels only: the protocol holds none.

    Args:
        protocol: The terms.
        table: Their truth.
        dataset: The data at hand.
    """
    facts = protocol.dataset
    must_agree: list[tuple[str, object, object]] = [
        ("version", dataset.version, facts.version),
        ("classes", ", ".join(dataset.classes), ", ".join(facts.classes)),
        ("channels", dataset.channels, facts.channels),
        ("image size", " x ".join(map(str, dataset.spatial)), " x ".join(map(str, facts.image_size))),
    ]
    if protocol.grey_levels:
        must_agree.append(("grey levels", dataset.grey_levels or "no fixed number", protocol.grey_levels))
    found = [f"{what}: {have} here, {want} in the protocol" for what, have, want in must_agree if have != want]
    mine = dataset.table[["sample_id", *TRUTH]].astype(dict.fromkeys(("sample_id", "domain", "group"), str))
    joined = table.merge(mine, on="sample_id", how="left", suffixes=("", "_here"), indicator=True)
    lacking = joined["_merge"] == "left_only"
    if lacking.any():
        example = joined.loc[lacking, "sample_id"].iloc[0]
        found.append(f"{int(lacking.sum()):,} of {len(table):,} samples are not here, e.g. {example!r}")
    for column in TRUTH:
        other = joined[~lacking & (joined[column] != joined[f"{column}_here"])]
        if len(other):
            row = other.iloc[0]
            here, there = row[f"{column}_here"], row[column]
            if column == "label":
                here, there = _class(dataset.classes, here), _class(facts.classes, there)
            what = f"another {column} of {len(other):,} samples, e.g. {row['sample_id']!r}"
            found.append(f"{what}: {here!r} here, {there!r} in the protocol")
    return found


def _class(classes: Sequence[str], label: float) -> str:
    return classes[int(label)] if 0 <= label < len(classes) else str(label)
