"""One situation in which every model is tested, with a key that can be read, sorted and typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["validation", "clean", "real", "synthesized"]


@dataclass(frozen=True)
class Condition:
    """A split of a domain, as it was acquired or under a synthesized shift.

    Args:
        domain: Whose images.
        kind: `validation` (source validation: thresholds and calibration, never ranked), `clean` (source test), `real`
            (a target's test split) or `synthesized` (source test under a shift).
        shift: Name of the shift, of synthesized conditions only.
        severity: 1..5, a fraction where severities are matched across shifts.
        family: The shift's.
    """

    domain: str
    kind: Kind
    shift: str = ""
    severity: float = 0.0
    family: str = ""

    @property
    def key(self) -> str:
        """`site-a/val`, `site-a`, `site-b` or `site-a/gaussian-noise@3`."""
        if self.kind == "validation":
            return f"{self.domain}/val"
        return f"{self.domain}/{self.shift}@{self.level}" if self.shift else self.domain

    @property
    def split(self) -> str:
        """The split of the domain that is looked at: `val` or `test`."""
        return "val" if self.kind == "validation" else "test"

    @property
    def level(self) -> str:
        """The severity as it is printed: `3`, or `2.41`."""
        return f"{self.severity:g}"
