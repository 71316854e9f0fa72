"""`against.csv` and `against.md`: the gain of every entry over a control."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence

from ...benchmark.files.text import csv_cells
from ...benchmark.reporting.numbers import UNDEFINED, format_signed
from ...benchmark.scoring.metrics import METRICS
from ..analysis.gains import Gain, Gains
from ..ranking.board import Row
from ..ranking.paired import shared_seeds
from .markdown import COLUMNS, escape

CSV_COLUMNS = (
    "protocol", "against", "entry", "sees", "seeds", "claimed", "figure", "metric", "gain", "low", "high", "supported",
)  # fmt: skip


def against_csv(found: Sequence[Gains]) -> Iterator[str]:
    """Yield the gains as CSV, one line per entry and figure; an undefined number is an empty cell."""
    yield ",".join(CSV_COLUMNS) + "\n"
    for gains in found:
        rows = {row.name: row for row in gains.board.rows}
        for entry, by_figure in gains.rows.items():
            row = rows[entry]
            seeds = len(shared_seeds(gains.control, row))
            start = [gains.board.protocol.name, gains.control.name, entry, row.sees, seeds, int(row.claimed)]
            for figure, gain in by_figure.items():
                each = gain.found
                numbers = ["" if math.isnan(x) else f"{x:.6f}" for x in (each.value, each.low, each.high)]
                text = io.StringIO()
                csv.writer(text, lineterminator="\n").writerow(
                    csv_cells([*start, figure, gains.board.rank_by, *numbers, int(gain.supported)])
                )
                yield text.getvalue()


def against_markdown(found: Sequence[Gains]) -> str:
    """Write the gains as one Markdown table for each board, with a legend."""
    return "\n".join(_table(gains) for gains in found)


def _table(gains: Gains) -> str:
    titles = {name: title for title, name in COLUMNS}
    heads = ["Entry", "Sees", "Seeds", *(titles[name] for name in gains.figures)]
    kind = " (SIMULATED images)" if gains.board.protocol.dataset.simulated else ""
    control = f"`{gains.control.name}`{_claimed(gains.control)}"
    lines = [
        f"**{escape(gains.board.protocol.name)}**{kind}: gain over {control}",
        "",
        f"| {' | '.join(heads)} |",
        "|---|---|" + "--:|" * (len(heads) - 2),
    ]
    single = False
    for row in gains.board.rows:
        if row.name not in gains.rows:
            continue
        count = len(shared_seeds(gains.control, row))
        single |= count == 1
        cells = [f"`{row.name}`{_claimed(row)}", f"`{row.sees}`", "1 †" if count == 1 else str(count)]
        cells += [_cell(gain) for gain in gains.rows[row.name].values()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", escape(_legend(gains, single)), ""])


def _claimed(row: Row) -> str:
    return " (claimed)" if row.claimed else ""


def _cell(gain: Gain) -> str:
    """Format a gain: `+.012 [-.003, +.027], not supported`."""
    found = gain.found
    if math.isnan(found.value):
        return UNDEFINED
    if math.isnan(found.low):
        return format_signed(found.value)
    verdict = "**supported**" if gain.supported else "not supported"
    return f"{format_signed(found.value)} [{format_signed(found.low)}, {format_signed(found.high)}], {verdict}"


def _legend(gains: Gains, single: bool) -> str:
    board = gains.board
    better = "" if METRICS[board.rank_by].higher_is_better else " (lower is better, so a gain is a fall)"
    text = (
        f"Gain in {board.title}{better} over {gains.control.name} on the same groups and seeds, with paired 95 % "
        f"intervals that are not corrected. Supported: significant at 5 % after Holm's correction, {_families(gains)}."
    )
    return f"† One seed in common: the interval covers groups only. {text}" if single else text


def _families(gains: Gains) -> str:
    """Say over which entries a gain is corrected, and that the control or some entries are claimed."""
    if gains.control.claimed:
        return f"over all entries, as the control, {gains.control.name}, is claimed: nobody has run it again"
    if not gains.board.claimed:
        return "for entries that see the same as the control over these, for others over all"
    return (
        "for verified entries that see the same as the control over these, for other verified ones over all verified "
        "ones, for claimed ones, which nobody has run again, over all"
    )
