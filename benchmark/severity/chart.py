"""A calibration as a chart and a table: similarity and the probe's accuracy by severity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from ..files.atomic import replace
from .calibration import family_order

if TYPE_CHECKING:
    from rich.table import Table

WIDTH_INCHES, HEIGHT_INCHES = 4.2, 3.4


def draw(found: pd.DataFrame, title: str, out: Path) -> None:
    """Draw a calibration as PNG, atomically, one column of panels per family.

    Args:
        found: The result of `calibration.calibrate`.
        title: The name of the data.
        out: The file.
    """
    families = family_order(found["family"].tolist())
    figure = Figure(figsize=(WIDTH_INCHES * len(families), 2 * HEIGHT_INCHES), layout="constrained")
    figure.suptitle(title, fontsize=10)
    grid = figure.subplots(2, len(families), sharex=True, sharey="row", squeeze=False)
    clean = float((found["accuracy"] + found["loss"]).iloc[0])
    for column, family in enumerate(families):
        similarity, probe = grid[0][column], grid[1][column]
        for number, (name, rows) in enumerate(found[found["family"] == family].groupby("shift", sort=False)):
            style = {"marker": "o^sv"[number // 10 % 4], "markersize": 3, "linewidth": 1.1, "color": f"C{number % 10}"}
            similarity.plot(rows["severity"], rows["ssim"], label=str(name), **style)
            probe.plot(rows["severity"], rows["accuracy"], **style)
        similarity.set_title(family, fontsize=9)
        similarity.legend(fontsize=6, loc="lower left")
        probe.axhline(clean, color="0.6", linewidth=0.8, linestyle="--")
        probe.set_xlabel("severity", fontsize=8)
        for axes in (similarity, probe):
            axes.tick_params(labelsize=7)
            axes.grid(alpha=0.3)
            axes.set_xticks(sorted(found["severity"].unique()))
    grid[0][0].set_ylabel("structural similarity", fontsize=8)
    grid[1][0].set_ylabel("probe: balanced accuracy (dashed: clean)", fontsize=8)
    with replace(out) as temporary:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})


def print_calibration(found: pd.DataFrame) -> Table:
    """Tabulate similarity and the probe's balanced accuracy, one row per shift and one column per severity."""
    from rich.table import Table

    severities = sorted(found["severity"].unique())
    clean = float((found["accuracy"] + found["loss"]).iloc[0])
    made = Table(
        title=f"SSIM and the probe's balanced accuracy (clean: {clean:.2f})",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for column in ("shift", *(f"{severity}" for severity in severities)):
        made.add_column(column, no_wrap=True)
    for name, rows in found.groupby("shift", sort=False):
        cells = [
            f"{row.ssim:.2f} {row.accuracy:.2f}".replace(" 0.", " .")
            for row in rows.sort_values("severity").itertuples()
        ]
        made.add_row(str(name), *cells)
    return made
