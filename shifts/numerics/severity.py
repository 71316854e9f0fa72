"""Interpolation of the physical values behind severities."""

from __future__ import annotations

ENDLESS = 1e9  # a dose that leaves no noise


def interpolate_severity(values: tuple[float, float, float, float, float], severity: float, none: float) -> float:
    """Return the physical value at a severity, interpolated linearly between whole severities.

    Fractions arise when severities are matched across shifts: a protocol solves for the fraction at which a shift does
    as much damage as the others.

    Args:
        values: One physical value for each of severities 1..5.
        severity: 0..5.
        none: The value at severity 0, which changes nothing.

    Raises:
        ValueError: The severity is outside 0..5, or there are not five values.
    """
    if len(values) != 5:
        raise ValueError(f"expected five values, one for each of severities 1..5, not {len(values)}")
    if not 0 <= severity <= 5:
        raise ValueError(f"severity must be in 0..5, not {severity}")
    ladder = (none, *values)
    below = min(int(severity), 4)
    share = severity - below
    return ladder[below] * (1 - share) + ladder[below + 1] * share


def interpolate_dose(values: tuple[float, float, float, float, float], severity: float) -> float:
    """Return a dose at a severity: `interpolate_severity` from 1 on; below, noise grows linearly from none.

    Noise goes with the root of the dose: halfway between an endless dose and a first value lies still no noise.

    Args:
        values: One dose for each of severities 1..5.
        severity: 0..5.

    Raises:
        ValueError: The severity is outside 0..5, or there are not five doses.
    """
    if severity < 1:
        interpolate_severity(values, severity, none=ENDLESS)  # checks the range
        return min(values[0] / severity**2, ENDLESS) if severity > 0 else ENDLESS
    return interpolate_severity(values, severity, none=ENDLESS)
