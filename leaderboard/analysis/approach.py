"""The approach of an entry: ImageNet transfer, training from scratch, or adaptation to the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...benchmark.contract.entry import APPROACHES, Approach
from ...benchmark.contract.registry import BUILTINS
from ...benchmark.contract.weights_record import NOT_STATED, is_imagenet, pretraining_of
from ..ranking.board import Row

LONGEST = 100  # characters of what a card says of its weights
OUTSIDE = ("hf-hub:", "hf_hub:", "local-dir:", "open_clip:")  # architectures that timm does not know by name


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
    """Name what the weights of an entry were trained on, unless that is ImageNet or nothing.

    Cards name it. Older ones have only the architecture: `convnext_tiny.fb_in22k` names the data by its tag,
    `hf-hub:OWNER/NAME` and `local-dir:FOLDER` name weights as a whole, and what timm takes where no tag is named is not
    known.
    """
    if approach(row) == "training from scratch":
        return ""
    card = row.cards[0]
    if card.weights is not None:
        found = card.weights.pretraining[:LONGEST]
        if is_imagenet(found):
            return ""
        return f"{card.weights.origin[:LONGEST]}, pretraining not stated" if found == NOT_STATED else found
    arch = str(card.baseline.config.get("arch", ""))[:LONGEST]
    if arch.startswith(OUTSIDE):
        return arch
    tag = arch.partition(".")[2]
    named = pretraining_of(tag)
    return "" if not tag or is_imagenet(named) else tag if named == NOT_STATED else named


def approach_title(row: Row) -> str:
    """Name the approach of an entry by what its weights were trained on: `transfer from LVD-142M`; empty if unknown."""
    kind, weights = approach(row), other_weights(row)
    return f"transfer from {weights}" if kind == "ImageNet transfer" and weights else kind or ""


def start_note(row: Row) -> str:
    """Write what an entry starts from, if that is other weights than ImageNet's, to be shown beside its name."""
    weights = other_weights(row)
    how = "transfer" if approach(row) == "ImageNet transfer" else "starts"
    return f"{how} from {weights}" if weights else ""


def all_by_approach(rows: Sequence[Row]) -> Mapping[Approach, list[Row]]:
    """Group entries by approach, those without a rank among them; approaches without entries are left out."""
    found = {kind: [row for row in rows if approach(row) == kind] for kind in APPROACHES}
    return {kind: members for kind, members in found.items() if members}


def by_approach(rows: Sequence[Row]) -> Mapping[Approach, list[Row]]:
    """Group the ranked entries by approach; approaches without entries are left out."""
    return all_by_approach([row for row in rows if row.rank is not None])
