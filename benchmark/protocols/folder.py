"""The folder of a protocol: `protocol.json` and `truth.parquet`, written once and checked whenever they are read."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from ...shifts.errors import MedshiftError
from . import protocol as protocols
from . import truth
from .protocol import Protocol


def write_protocol(protocol: Protocol, table: pd.DataFrame, folder: Path) -> None:
    """Writes protocol and truth into the folder of their submissions, or checks that they are what is there.

    Raises:
        MedshiftError: The folder holds another protocol of that name; the message says in what they differ.
    """
    if not (folder / protocols.PROTOCOL_FILE).exists():
        truth.write(table, folder / protocols.TRUTH_FILE)
        protocols.write(protocol, folder)
        return
    there, _ = read_protocol(folder)
    if there.sha256 != protocol.sha256:
        mine, theirs = (json.loads(p.text()) for p in (protocol, there))
        fields = ", ".join(key for key in mine if mine[key] != theirs[key])
        raise MedshiftError(f"{folder} holds submissions to another protocol (other {fields}): choose another --out")


def read_protocol(folder: Path) -> tuple[Protocol, pd.DataFrame]:
    """Returns the protocol and the tidy truth that `settle` left in a folder.

    Raises:
        MedshiftError: One of them is missing or damaged, the truth is another than the protocol's, or nothing can be
            scored by it.
    """
    protocol = protocols.read(folder)
    table = truth.read(folder / protocols.TRUTH_FILE)
    if truth.digest(table) != protocol.truth_sha256:
        raise MedshiftError(
            f"{folder / protocols.TRUTH_FILE} is not the truth of {protocols.PROTOCOL_FILE} beside it: its hash differs"
        )
    wrong = unscorable(protocol, table)
    if wrong:
        raise MedshiftError(
            f"{folder / protocols.TRUTH_FILE} does not suit {protocols.PROTOCOL_FILE} beside it: {wrong}"
        )
    return protocol, table


def unscorable(protocol: Protocol, table: pd.DataFrame) -> str:
    """Returns why a truth cannot be scored by a protocol; empty where it can."""
    classes = len(protocol.dataset.classes)
    strange = table["label"][~table["label"].between(0, classes - 1)]
    if len(strange):
        return f"it has the label {strange.iloc[0]}, and labels are 0 to {classes - 1}"
    there = set(table[["domain", "split"]].drop_duplicates().itertuples(index=False, name=None))
    for condition in protocol.conditions():
        if (condition.domain, condition.split) not in there:
            return f"it has no {condition.split} samples of the domain {condition.domain[:80]!r}"
    return ""
