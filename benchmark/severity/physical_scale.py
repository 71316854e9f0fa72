"""Severities in physical units: the value behind a severity 0..5, and the severity of a value.

Severity 0 stands for images without a shift. Its physical value is the one at which a built-in changes least, most of
them nothing: a gamma of 1, a JPEG quality of 100.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...shifts import catalogue
from ...shifts.numerics.severity import ENDLESS as ENDLESS_DOSE
from ...shifts.numerics.severity import interpolate_dose, interpolate_severity

UNCHANGED: dict[str, float] = {
    "gamma": 1.0,
    "contrast-loss": 1.0,
    "window": 1.0,
    "saturation": 1.0,
    "poisson-noise": ENDLESS_DOSE,
    "defocus": 0.01,
    "motion-blur": 0.01,
    "matrix-reduction": 1.0,
    "slice-thickness": 1.0,
    "detector-binning": 1.0,
    "gibbs-ringing": 1.0,
    "jpeg": 100.0,
    "field-of-view": 1.0,
}  # of built-ins; 0 for those not listed
ENDLESS = 1e6  # a value from here on stands for "as many as you like"


@dataclass(frozen=True)
class Scale:
    """The scale of a shift's severities.

    Args:
        shift: Its name.
        unit: Unit of the physical values.
        values: Physical values of severities 1..5; None if the shift states none.
    """

    shift: str
    unit: str
    values: tuple[float, ...] | None

    @cached_property
    def ladder(self) -> tuple[float, ...]:
        """Physical values of severities 0..5; empty if the shift states none."""
        return (UNCHANGED.get(self.shift, 0.0), *self.values) if self.values else ()

    def value(self, severity: float) -> float:
        """Return the physical value at a severity 0..5; the severity itself if the shift states no values."""
        if not self.ladder:
            return severity
        none, one, two, three, four, five = self.ladder
        if none == ENDLESS_DOSE:
            return interpolate_dose((one, two, three, four, five), severity)
        return interpolate_severity((one, two, three, four, five), severity, none)

    def severity(self, value: float) -> float | None:
        """Return the severity 0..5 of a physical value; None if it lies beyond either end, or there are no values."""
        if not self.ladder or not min(self.ladder) <= value <= max(self.ladder):
            return None
        if self.ladder[0] == ENDLESS_DOSE and value > self.ladder[1]:  # noise, not dose, is even below severity 1
            return math.sqrt(self.ladder[1] / value)
        steps = np.arange(len(self.ladder), dtype=np.float64)
        rising = self.ladder[-1] > self.ladder[0]
        ladder, steps = (self.ladder, steps) if rising else (self.ladder[::-1], steps[::-1])
        return float(np.interp(value, ladder, steps))

    def number(self, severity: float) -> str:
        """Write the physical value of a severity with three digits."""
        if self.ladder and self.value(severity) >= ENDLESS:
            return f"over {self.ladder[1]:g}"
        return f"{self.value(severity):.3g}"

    def text(self, severity: float) -> str:
        """Write the physical value of a severity with its unit: `1.4 sd px`, or `severity 3` without values."""
        if not self.ladder:
            return f"severity {severity:.3g}"
        return f"{self.number(severity)} {self.unit}".strip()


def scale(shift: str) -> Scale:
    """Return the scale of a shift, built-in or installed.

    Raises:
        MedshiftError: The shift is unknown, or its package cannot be imported.
    """
    return Scale(shift, catalogue.shift_info(shift).unit, catalogue.severities(shift))
