"""The folder of a protocol: `protocol.json` and `truth.parquet`, written once and checked on every read."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from ...shifts.errors import MedshiftError
from . import splits, truth
from .protocol import PROTOCOL_FILE, TRUTH_FILE, Protocol, read, write


def write_protocol(protocol: Protocol, table: pd.DataFrame, folder: Path, *, named: bool = False) -> None:
    """Write a protocol and its truth into the folder of its submissions, or check that the folder holds the same.

    Args:
        protocol: The protocol.
        table: Its truth.
        folder: The folder.
        named: The user gave the protocol its name, and may give another.

    Raises:
        MedshiftError: The folder holds a different protocol; the message names the fields that differ.
    """
    if not (folder / PROTOCOL_FILE).exists():
        truth.write(table, folder / TRUTH_FILE)
        write(protocol, folder)
    else:
        require_same(protocol, folder, named=named)


def require_same(protocol: Protocol, folder: Path, *, named: bool = False) -> None:
    """Raise MedshiftError if a folder of submissions holds another protocol; see `write_protocol`."""
    if not (folder / PROTOCOL_FILE).exists():
        return
    stored, _ = read_protocol(folder)
    if stored.sha256 != protocol.sha256:
        ours, theirs = (json.loads(p.text()) for p in (protocol, stored))
        fields = ", ".join(key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key))
        versions = (stored.dataset.version, protocol.dataset.version)
        if versions[0] != versions[1]:
            fields += ": version {} of the data there, {} here".format(*versions)
        held, way = ("another protocol", "NAME or --out") if named else ("submissions to another protocol", "--out")
        raise MedshiftError(f"{folder} holds {held} (different {fields}): choose another {way}")


def read_protocol(folder: Path) -> tuple[Protocol, pd.DataFrame]:
    """Read the protocol and the tidy truth of a folder.

    Raises:
        MedshiftError: One of them is missing or damaged, the truth is not the protocol's, or the protocol cannot be
            scored.
    """
    protocol = read(folder)
    table = truth.read(folder / TRUTH_FILE)
    if truth.digest(table) != protocol.truth_sha256:
        raise MedshiftError(f"{folder / TRUTH_FILE} is not the truth of {PROTOCOL_FILE} beside it: its hash differs")
    wrong = unscorable(protocol, table)
    if wrong:
        raise MedshiftError(f"{folder / TRUTH_FILE} does not suit {PROTOCOL_FILE} beside it: {wrong}")
    try:
        splits.check_groups(table, protocol.source, protocol.mixed)
    except MedshiftError as error:
        raise MedshiftError(f"{folder / TRUTH_FILE} leaks: {error}") from error
    return protocol, table


def unscorable(protocol: Protocol, table: pd.DataFrame) -> str:
    """Return why a truth cannot be scored under a protocol; empty if it can."""
    classes = len(protocol.dataset.classes)
    invalid = table["label"][~table["label"].between(0, classes - 1)]
    if len(invalid):
        return f"label {invalid.iloc[0]} is out of range: labels are 0 to {classes - 1}"
    present = set(table[["domain", "split"]].drop_duplicates().itertuples(index=False, name=None))
    for condition in protocol.conditions():
        if not any((domain, condition.split) in present for domain in condition.domains):
            return f"no {condition.split} samples in domain {condition.domain[:80]!r}"
    return ""
