"""Shifts of other packages that break their contract: refused before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....shifts import catalogue
from ....shifts.errors import MedshiftError

if TYPE_CHECKING:
    import pandas as pd

    from ...datasets.dataset import Dataset
    from ...protocols.protocol import Protocol

IMAGES = 4  # of the source, on which each is tried at its severest


def require_contract(dataset: Dataset, table: pd.DataFrame, protocol: Protocol) -> None:
    """Raise MedshiftError if a shift that is not built in breaks the contract on images of the source.

    Its pixels would depend on what ran before, or on the other images of a batch, and nothing in a submission would
    show it. Each is called some times on four images; built-in shifts are tested to keep the contract.

    Args:
        dataset: The images.
        table: Its truth with a column `row`.
        protocol: Names the shifts, their severities and the source.
    """
    foreign = [name for name in protocol.shifts if name not in catalogue.BUILTINS]
    if not foreign:
        return
    from ....shifts.checks import find_violation
    from ...severity.damage import sample

    chosen = sample(dataset, table, protocol.source, "train", IMAGES)
    for name in foreign:
        severest = max(condition.severity for condition in protocol.conditions() if condition.shift == name)
        problem = find_violation(name, chosen.images, severest, chosen.ids, protocol.seed)
        if problem:
            raise MedshiftError(
                f"shift {name!r} of {catalogue.origin(name)} breaks the contract of shifts: {problem}. "
                f"`medshift check shift {name}` checks all of it"
            )
