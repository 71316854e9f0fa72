"""Interpolation of the physical values behind severities."""

from __future__ import annotations


def interpolate_severity(values: tuple[float, float, float, float, float], severity: float, none: float) -> float:
    """Return the physical value at a severity, interpolated linearly between whole severities.

    Fractions arise when severities are matched across shifts: a protocol solves for the fraction at which a shift does
    as much damage as the others.

    Args:
        values: One physical value for each of severities 1..5.
        severity: 0..5.
        none: The value at severity 0, which changes nothing.

    Raises:
        ValueError: The severity is outside 0..5.
    """
    if not 0 <= severity <= 5:
        raise ValueError(f"severity must be in 0..5, not {severity}")
    ladder = (none, *values)
    below = min(int(severity), 4)
    share = severity - below
    return ladder[below] * (1 - share) + ladder[below + 1] * share
