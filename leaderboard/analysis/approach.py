"""The approach of an entry: ImageNet transfer, training from scratch, or adaptation to the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...benchmark.contract.entry import APPROACHES, Approach
from ...benchmark.contract.registry import BUILTINS
from ..ranking.board import Row


def approach(row: Row) -> Approach | None:
    """Classify an entry; None for a third-party method that sees only the source.

    A method that sees the target is adaptation, whatever its initial weights. A submission that claims to be medshift's
    own is refused unless it has the name and the access level of a medshift baseline; that this baseline is what ran
    remains its author's claim until the entry is verified.
    """
    if row.sees != "source":
        return "adaptation"
    baseline = row.cards[0].baseline
    if not baseline.distribution.startswith("medshift "):
        return None
    builtin = BUILTINS.get(baseline.name)
    return builtin.approach if builtin else None


def by_approach(rows: Sequence[Row]) -> Mapping[Approach, list[Row]]:
    """Group the ranked entries by approach; approaches without entries are left out."""
    ranked = [row for row in rows if row.rank is not None]
    found = {kind: [row for row in ranked if approach(row) == kind] for kind in APPROACHES}
    return {kind: members for kind, members in found.items() if members}
