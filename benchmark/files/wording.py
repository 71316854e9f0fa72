"""Wording that messages share."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """Format a count with its regular noun: `1 problem`, `3 problems`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
