"""What could say which site or scanner an image is from."""

from __future__ import annotations

import pandas as pd

MOST_VALUES = 50
SHOWN_VALUES = 6


def candidates(columns: pd.DataFrame) -> str:
    """Returns the columns that part the images into 2 to 50, one a line with their commonest values.

    Args:
        columns: Text; empty cells are none.
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
    return f" Candidates:{''.join(lines)}" if lines else " No column or tag parts the images into 2 to 50."
