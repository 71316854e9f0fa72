"""The choices that make a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...shifts import catalogue
from ...shifts.errors import MedshiftError, near


@dataclass(frozen=True)
class Choices:
    """The user's choices for a protocol; the defaults give the data set's standard one.

    Args:
        source: Domain to train on; the data set's own source, or the largest, by default.
        targets: Domains of the real shifts; all other domains by default.
        shifts: Names of the synthesized shifts; by default all built-in ones that suit modality and channels.
        families: Keep only shifts of these families.
        severities: Steps 1..5.
        requantise: Round shifted images to the grey levels of the data set's integer type.
        positive: Of two classes the one to find; by default the second.
        groups_per_domain: Groups named alike in two domains are different patients.
        ignore_split: Split by group, whatever a column `split` says.
        adapt: Keep half of the groups of each target for methods that adapt to its images; False tests on all.
        scale: `physical`, or `matched`: severities at which all shifts reach the same structural similarity.
        confound: Cramer's V with which a second domain goes with the label in training and validation, 0 to 1; None
            trains on the source alone.
        confound_with: That domain.
        confound_seed: Chooses which groups are trained on then.
        size: Longest side to which images are scaled, after shifts; 0 keeps the stored size.
    """

    source: str = ""
    targets: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    severities: tuple[int, ...] = catalogue.SEVERITIES
    requantise: bool = True
    scale: Literal["physical", "matched"] = "physical"
    positive: str = ""
    groups_per_domain: bool = False
    ignore_split: bool = False
    adapt: bool = True
    confound: float | None = None
    confound_with: str = ""
    confound_seed: int = 0
    size: int = 0


def require_known(choices: Choices) -> None:
    """Raise MedshiftError if a shift, family or severity does not exist: known before any data are read."""
    for family in choices.families:
        known = (*catalogue.FAMILIES, "plug-in")
        if family not in known:
            raise MedshiftError(f"unknown family {family!r}.{near(family, known)}")
    wrong = [severity for severity in choices.severities if severity not in catalogue.SEVERITIES]
    if wrong or not choices.severities or len(set(choices.severities)) < len(choices.severities):
        raise MedshiftError(f"severities must be among 1, 2, 3, 4, 5, each once, not {choices.severities}")
    for name in choices.shifts:
        catalogue.TABLE.check(name)
