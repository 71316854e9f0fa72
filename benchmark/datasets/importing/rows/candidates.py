"""Columns that could hold the site or scanner of each image."""

from __future__ import annotations

import pandas as pd

MOST_VALUES = 50
SHOWN_VALUES = 6


def candidates(columns: pd.DataFrame) -> str:
    """List the columns with 2 to 50 different values, one per line with the most common values.

    Args:
        columns: Text; empty cells count as missing.
    """
    lines = []
    for name in columns:
        counts = (
            columns[name][columns[name] != ""].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        )
        if 2 <= len(counts) <= MOST_VALUES:
            shown = ", ".join(f"{value} ({count:,})" for value, count in counts.iloc[:SHOWN_VALUES].items())
            more = f", ... {len(counts)} values" if len(counts) > SHOWN_VALUES else ""
            lacking = len(columns) - int(counts.sum())
            lines.append(f"\n  {name}: {shown}{more}" + (f"; {lacking:,} without" if lacking else ""))
    return f" Candidates:{''.join(lines)}" if lines else " No column or tag has 2 to 50 different values."
