"""From a severity to the physical value of a shift's knob."""

from __future__ import annotations


def interpolate_severity(values: tuple[float, float, float, float, float], severity: float, none: float) -> float:
    """Returns the value at a severity; between whole severities it is interpolated linearly.

    Fractions are what severities matched across shifts are made of: a protocol solves for the fraction at which a
    shift does as much damage as another.

    Args:
        values: one physical value for each of severities 1..5.
        severity: 0..5.
        none: the value that changes nothing: severity 0.

    Raises:
        ValueError: the severity is outside 0..5.
    """
    if not 0 <= severity <= 5:
        raise ValueError(f"severity is 0..5, not {severity}")
    ladder = (none, *values)
    below = min(int(severity), 4)
    share = severity - below
    return ladder[below] * (1 - share) + ladder[below + 1] * share
