"""All that a maintainer should look at on a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ....benchmark.protocols.protocol import Protocol
from . import alike, plausible, seeds
from .remark import Remark

if TYPE_CHECKING:
    from ..board import Row


def scrutinise(rows: Sequence[Row], protocol: Protocol, groups: Mapping[tuple[str, str], int]) -> list[Remark]:
    """List what should be looked at: entries and seeds that are alike, then figures that are too good, then seeds.

    Args:
        rows: Entries of a board.
        protocol: Its protocol.
        groups: (domain, split) -> number of groups.
    """
    return [*alike.remarks(rows, protocol, groups), *plausible.remarks(rows, protocol, groups), *seeds.remarks(rows)]
