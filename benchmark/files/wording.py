"""Wording that messages share."""

from __future__ import annotations

UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def plural(count: int, noun: str) -> str:
    """Format a count with its regular noun: `1 problem`, `3,000 problems`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(share: float) -> str:
    """Format a share as whole percents: `39 %`, `less than 1 %`."""
    return f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"


def byte_size(count: int) -> str:
    """Format a number of bytes: `66 kB`, `1.8 GB`."""
    scale, unit = next(((scale, unit) for scale, unit in UNITS if count >= scale), UNITS[-1])
    amount = count / scale
    return f"{amount:.0f} {unit}" if amount >= 10 or not amount else f"{amount:.1f} {unit}"
