"""The data of a protocol: find it by name or in a folder, and compare it with the protocol's truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ...shifts.errors import MedshiftError
from ..datasets import manifest, registry, store
from ..datasets.dataset import Dataset
from ..datasets.importing.options import Options
from ..datasets.streaming.progress import Bar, no_bar
from ..files.wording import plural
from .arrange import arrange_like
from .folder import read_protocol
from .protocol import Protocol

TRUTH = ("label", "domain", "group")


def adopt(
    folder: Path,
    name: str | None = None,
    data: Path | None = None,
    options: Options | None = None,
    bar: Bar = no_bar,
) -> tuple[Dataset, Protocol, pd.DataFrame]:
    """Load a protocol from a folder and find its data; return data set, protocol, and truth with a column `row`.

    Args:
        folder: Contains protocol.json and truth.parquet.
        name: Name of the data set; the protocol's by default.
        data: Folder of the images, instead of a name.
        options: How the folder is read; classes, image size and modality are the protocol's.
        bar: Shows progress where images are made or read.

    Raises:
        MedshiftError: There are options that the protocol sets, or for data that have been read already; or the data
            differ from those of the protocol, and the message lists all differences.
    """
    if name is not None and data is not None:
        raise MedshiftError("give --dataset NAME or --data DIR, not both")
    _require_needed(options or Options(), data)
    protocol, table = read_protocol(folder)
    wanted = table["sample_id"].tolist()
    if name is not None:
        with bar(f"making {name}", "patients") as progress:
            found = registry.load_dataset(name, progress)
    else:
        found = data_of(protocol, data, options, wanted, bar)
    found = arrange_like(found, protocol, table)
    wrong = differences(protocol, table, found)
    if wrong:
        listed = "\n  ".join(wrong)
        raise MedshiftError(f"the data differ from those of protocol {protocol.name!r}:\n  {listed}")
    return dataclasses.replace(found, name=protocol.dataset.name), protocol, with_rows(table, found)


def _require_needed(options: Options, data: Path | None) -> None:
    """Refuse options that would be ignored.

    Raises:
        MedshiftError: There are such.
    """
    given = [field.name for field in dataclasses.fields(options) if getattr(options, field.name) != field.default]
    if set(given) & set(manifest.IN_NAME):
        raise MedshiftError("--protocol sets domains, classes, image size and shifts: leave their options out")
    if given and (data is None or (data / store.FACTS).is_file()):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise MedshiftError(f"{names}: how images are read goes with --data DIR; these images have been read already")


def differences(protocol: Protocol, table: pd.DataFrame, dataset: Dataset) -> list[str]:
    """List all differences between a data set and the data of a protocol; additional samples are ignored.

    Pixels are compared in shape and grey levels only: the protocol contains none.

    Args:
        protocol: The protocol.
        table: Its truth.
        dataset: The data to compare.
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
    ours = dataset.table[["sample_id", *TRUTH]].astype(dict.fromkeys(("sample_id", "domain", "group"), str))
    joined = table.merge(ours, on="sample_id", how="left", suffixes=("", "_here"), indicator=True)
    lacking = joined["_merge"] == "left_only"
    if lacking.any():
        example = joined.loc[lacking, "sample_id"].iloc[0]
        found.append(f"{int(lacking.sum()):,} of {len(table):,} samples are missing here, e.g. {example!r}")
    for column in TRUTH:
        other = joined[~lacking & (joined[column] != joined[f"{column}_here"])]
        if len(other):
            row = other.iloc[0]
            here, there = row[f"{column}_here"], row[column]
            if column == "label":
                here, there = _class(dataset.classes, here), _class(facts.classes, there)
            what = f"{column} differs for {plural(len(other), 'sample')}, e.g. {row['sample_id']!r}"
            found.append(f"{what}: {here!r} here, {there!r} in the protocol")
    return found


def _class(classes: Sequence[str], label: float) -> str:
    return classes[int(label)] if 0 <= label < len(classes) else str(label)


def data_of(
    protocol: Protocol,
    folder: Path | None,
    options: Options | None = None,
    samples: Sequence[str] = (),
    bar: Bar = no_bar,
) -> Dataset:
    """Load the data set of a protocol by its name (built-in, plug-in or stored) or from a folder.

    The folder contains a manifest or is a stored data set. A column `split` of a manifest is not read: the protocol's
    truth has the splits. With `samples`, the ids of the truth, images that a folder has besides are not read.

    Raises:
        MedshiftError: The data set is unknown, or another one or another version.
    """
    facts = protocol.dataset
    if folder is None and facts.name not in registry.names():
        raise MedshiftError(registry.missing(facts.name))
    exact = True
    if folder is None:
        registry.check_version(facts.name, facts.version)
        with bar(f"making {facts.name}", "patients") as progress:
            found = registry.load_dataset(facts.name, progress)
    elif (folder / store.FACTS).is_file():
        found = store.read(folder)
    else:
        exact = False
        read_as = dataclasses.replace(
            options or Options(),
            classes=facts.classes,
            image_size=facts.image_size[0],
            modality=facts.modality,
            ignore_split=True,
        )
        with bar(f"reading {folder}", "images") as progress:
            found = manifest.read_with(folder, read_as, progress, only=samples)
        if found.version != facts.version and facts.version.startswith(manifest.LOCAL):
            raise MedshiftError(
                f"{folder} is read in another way than the protocol's images ({found.version} here, {facts.version} in "
                "the protocol): give the options of reading that the protocol was made with"
            )
    have, want = (found.name, found.version), (facts.name, facts.version)
    if exact and have != want:
        raise MedshiftError(f"the data set is {' '.join(have)}, the protocol needs {' '.join(want)}")
    # the name of a folder's data set records the options it was read with
    return dataclasses.replace(found, name=facts.name)


def with_rows(table: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Add a column `row` to a truth: the index of each sample in the data set.

    Raises:
        MedshiftError: The data set lacks samples, or differs in labels, domains or groups.
    """
    ours = dataset.table[["sample_id", *TRUTH]].assign(row=range(len(dataset.table)))
    ours = ours.astype(dict.fromkeys(("sample_id", "domain", "group"), str))
    joined = table.merge(ours, on="sample_id", how="left", suffixes=("", "_here"))
    lacking = joined["row"].isna()
    if lacking.any():
        example = joined["sample_id"][lacking].iloc[0]
        raise MedshiftError(f"the data lack {plural(int(lacking.sum()), 'sample')} of the protocol, e.g. {example!r}")
    for name in TRUTH:
        other = joined[name] != joined[f"{name}_here"]
        if other.any():
            example = joined["sample_id"][other].iloc[0]
            raise MedshiftError(
                f"{name} differs from the protocol for {plural(int(other.sum()), 'sample')}, e.g. {example!r}"
            )
    return joined[[*table.columns, "row"]].astype({"row": "int64"})
