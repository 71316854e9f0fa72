"""Number formatting: .873 [.84, .90]."""

from __future__ import annotations

import math

UNDEFINED = "–"


def format_estimate(value: float, low: float, high: float) -> str:
    """Format a value and its interval: `.873 [.84, .90]`; a dash if the value is undefined."""
    if math.isnan(value):
        return UNDEFINED
    return (
        format_decimal(value)
        if math.isnan(low)
        else f"{format_decimal(value)} [{format_decimal(low, 2)}, {format_decimal(high, 2)}]"
    )


def format_decimal(value: float, digits: int = 3) -> str:
    """Format a number without a leading zero: `.873`, `-.012`, `1.000`; a dash for NaN."""
    if math.isnan(value):
        return UNDEFINED
    text = f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"
    return text.lstrip("-") if float(f"{value:.{digits}f}") == 0 else text


def format_signed(value: float, digits: int = 3) -> str:
    """Format a change with its sign: `+.012`, `-.120`, `.000`; a dash for NaN."""
    text = format_decimal(value, digits)
    return f"+{text}" if value > 0 and text.strip(".0") else text
