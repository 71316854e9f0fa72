"""Conditions under which every model is tested, with readable, sortable keys."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["validation", "clean", "real", "synthesized"]


@dataclass(frozen=True)
class Condition:
    """A split of a domain, as acquired or under a synthesized shift.

    Args:
        domain: Domain of the images.
        kind: `validation` (source validation: thresholds and calibration, never ranked), `clean` (source test), `real`
            (a target's test split) or `synthesized` (source test under a shift).
        shift: Name of the shift; synthesized conditions only.
        severity: 1..5; fractional if severities are matched across shifts.
        family: Family of the shift.
        mixed: Another domain whose images of the split count in: validation of a training set of two domains.
    """

    domain: str
    kind: Kind
    shift: str = ""
    severity: float = 0.0
    family: str = ""
    mixed: str = ""

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of its images."""
        return (self.domain, self.mixed) if self.mixed else (self.domain,)

    @cached_property  # asked for tens of thousands of times in a build of the leaderboard
    def key(self) -> str:
        """`site-a/val`, `site-a`, `site-b` or `site-a/gaussian-noise@3`."""
        if self.kind == "validation":
            return f"{self.domain}/val"
        return f"{self.domain}/{self.shift}@{self.level}" if self.shift else self.domain

    @property
    def split(self) -> str:
        """The split of the domain: `val` or `test`."""
        return "val" if self.kind == "validation" else "test"

    @property
    def level(self) -> str:
        """The severity as printed: `3`, or `2.41`."""
        return f"{self.severity:g}"
