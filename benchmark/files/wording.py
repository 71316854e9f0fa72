"""Wording that messages share."""

from __future__ import annotations

import re

UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def plural(count: int, noun: str) -> str:
    """Format a count with its regular noun: `1 problem`, `3,000 problems`, `2 studies`."""
    if count == 1:
        return f"{count:,} {noun}"
    return f"{count:,} {noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else f"{count:,} {noun}s"


def one_line(text: str) -> str:
    """Return the first line of a message, with those below it where it ends with a colon: they say what is meant."""
    first, *rest = [line.strip() for line in text.strip().splitlines()] or [""]
    return " ".join([first, "; ".join(filter(None, rest))]).strip() if first.endswith(":") else first


def percent(share: float) -> str:
    """Format a share as whole percents: `39 %`, `less than 1 %`."""
    return f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"


def byte_size(count: int) -> str:
    """Format a number of bytes: `66 kB`, `1.8 GB`."""
    scale, unit = next(((scale, unit) for scale, unit in UNITS if count >= scale), UNITS[-1])
    amount = count / scale
    return f"{amount:.0f} {unit}" if amount >= 10 or not amount else f"{amount:.1f} {unit}"


def duration(seconds: float) -> str:
    """Format a duration for people: `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
