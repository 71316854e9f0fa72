"""Targets that would have no test images: all of them at once, with the reason and the way on."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...shifts.errors import MedshiftError
from ..datasets import split_names
from ..datasets.shared_groups import WAY_ON
from ..files.listed import pasted
from ..files.wording import plural
from . import splits
from .protocol import Protocol

ONE_GROUP = "2 are needed, to adapt to and to test"
NAMED = 20  # sites that a message names for one reason; the argument to paste holds all that are left


def require_tested(
    rows: pd.DataFrame, table: pd.DataFrame, source: str, targets: Sequence[str], *, adapt: bool = True
) -> None:
    """Raise MedshiftError, naming all of them, if targets have no test images.

    Args:
        rows: The table before it was split.
        table: The same with a column `split`.
        source: The domain to train on.
        targets: The domains of the real shifts.
        adapt: Whether targets are adapted to.
    """
    untested = _untested(table, targets)
    if not untested:
        return
    free = _free_groups(rows, source, targets)
    if "split" in rows:
        kept = [name for name in targets if name not in untested]
        reasons = dict.fromkeys(untested, "no images that the column `split` calls test")
    else:
        least = 2 if adapt else 1
        kept, left_out = _testable(rows, source, [name for name in targets if free[name] >= least], adapt)
        left_out += [name for name in targets if free[name] < least]
        reasons = {name: _reason(rows, name, source, free[name]) for name in targets if name in left_out}
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(name)
    listed = "; ".join(f"{_names(names)} ({reason})" for reason, names in by_reason.items())
    ways = [f"leave {'it' if len(reasons) == 1 else 'them'} out with --targets {pasted(kept)}"] if kept else []
    if any("shared" in reason for reason in by_reason):
        ways.insert(0, WAY_ON)
    if any(ONE_GROUP in reason for reason in by_reason):
        ways.insert(0, "keep none to adapt to with --no-adapt")
    if "split" in rows:
        ways.append(split_names.WAY_ON)
    ways = ways or ["choose another --source"]
    raise MedshiftError(
        f"{len(reasons)} of {plural(len(targets), 'target')} cannot be tested: {listed}: {'; or '.join(ways)}"
    )


def _untested(table: pd.DataFrame, targets: Sequence[str]) -> list[str]:
    tested = set(table.loc[table["split"] == "test", "domain"])
    return [name for name in targets if name not in tested]


def _free_groups(rows: pd.DataFrame, source: str, targets: Sequence[str]) -> dict[str, int]:
    """Count the groups of each target that the source does not share."""
    free = rows[~rows["group"].isin(set(rows.loc[rows["domain"] == source, "group"]))]
    counts = free.groupby("domain")["group"].nunique()
    return {name: int(counts.get(name, 0)) for name in targets}


def _testable(rows: pd.DataFrame, source: str, targets: list[str], adapt: bool) -> tuple[list[str], list[str]]:
    """Return the targets that can be tested together, and those that cannot: fewer targets are split otherwise."""
    kept, left_out = targets, []
    while kept:
        lost = _untested(splits.split(rows, source, kept, adapt=adapt), kept)
        if not lost:
            break
        left_out += lost
        kept = [name for name in kept if name not in lost]
    return kept, left_out


def _reason(rows: pd.DataFrame, name: str, source: str, free: int) -> str:
    groups = rows.loc[rows["domain"] == name, "group"].nunique()
    if not free:
        return f"all {groups:,} groups are shared with the source {source} and count as the same patients"
    shared = f", {groups - free:,} more shared with the source {source}" if groups > free else ""
    why = ONE_GROUP if free == 1 else "too few to be split"
    return f"{plural(free, 'group')}{shared}: {why}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def require_adaptation(entry: str, sees: str, protocol: Protocol, table: pd.DataFrame) -> None:
    """Raise MedshiftError if a method looks at targets of which the protocol keeps no images for that.

    Args:
        entry: Name of the method, for the message.
        sees: What it looks at.
        protocol: The protocol.
        table: Its truth.
    """
    targets = set(protocol.targets) - {protocol.mixed}  # what is trained on is not adapted to
    kept = set(table.loc[table["split"] == "adapt", "domain"])
    if sees == "target-unlabelled" and targets and not targets & kept:
        raise MedshiftError(
            f"{entry} sees target-unlabelled, and {protocol.name} keeps no images of targets to adapt to: use a "
            "protocol that was made without --no-adapt, or a method that sees less"
        )
