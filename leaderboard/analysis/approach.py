"""The approach of an entry: ImageNet transfer, training from scratch, or adaptation to the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...benchmark.contract.entry import APPROACHES, Approach
from ...benchmark.contract.registry import BUILTINS
from ..ranking.board import Row

OUTSIDE = ("hf-hub:", "hf_hub:", "local-dir:")  # architectures that timm does not know by name


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


def other_weights(row: Row) -> str:
    """Name the pretrained weights of an entry if its architecture names any but those of ImageNet-1k.

    `convnext_tiny.fb_in22k` names them by its tag, `hf-hub:OWNER/NAME` and `local-dir:FOLDER` as a whole. What timm
    takes where no tag is named is not known here.
    """
    arch = str(row.cards[0].baseline.config.get("arch", ""))
    if arch.startswith(OUTSIDE):
        return arch
    tag = arch.partition(".")[2]
    return "" if not tag or tag.endswith("in1k") else tag


def by_approach(rows: Sequence[Row]) -> Mapping[Approach, list[Row]]:
    """Group the ranked entries by approach; approaches without entries are left out."""
    ranked = [row for row in rows if row.rank is not None]
    found = {kind: [row for row in ranked if approach(row) == kind] for kind in APPROACHES}
    return {kind: members for kind, members in found.items() if members}
