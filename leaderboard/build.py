"""`medshift leaderboard`: scores, ranks, prints, and writes the page and the tables."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..benchmark.files.atomic import write_lines, write_text
from ..benchmark.scoring.metrics import METRICS
from ..shifts.errors import MedshiftError
from .analysis.accuracy_line import lines
from .analysis.correlation import correlation
from .analysis.findings import findings
from .entries.entries import protocol_folders
from .ranking.board import Board, rank_entries
from .report.badge import badge
from .report.markdown import COLUMNS, into_readme, markdown
from .report.page import page
from .report.tables import csv_lines, to_json


def build_leaderboard(root: Path, out: Path, readme: Path | None = None) -> None:
    """Ranks the submissions below `root`; writes the page, the tables and a badge to `out`.

    Refused submissions are left out; once everything is written, they are an error that names each and its reason.

    Args:
        root: Holds `PROTOCOL/ENTRY/seed-N/`.
        out: Where the page and the tables go; made where it is missing.
        readme: Also put the Markdown table between the markers of this file.

    Raises:
        MedshiftError: Submissions were refused (one line for each), or there is none.
    """
    console = Console()
    with console.status("scoring") as status:
        boards = [
            rank_entries(contest, progress=lambda name: status.update(f"scoring {escape(name)}"))
            for contest in protocol_folders(root)
        ]
    refused = [reason for found in boards for reason in found.refused]
    if not any(found.rows for found in boards):
        nothing = f"no finished submission in {root}: run `medshift run --out {root}` first"
        raise MedshiftError("\n".join(refused) or nothing)
    correlations = [correlation(found) for found in boards]
    text = markdown(boards, correlations)
    fitted = [lines(found) for found in boards]
    if readme is not None:
        into_readme(readme, text)
    write_text(out / "leaderboard.md", text)
    write_lines(out / "scores.csv", csv_lines(boards))
    write_lines(out / "scores.json", to_json(boards, correlations, fitted))
    write_text(out / "badge.svg", badge(boards))
    write_text(out / "index.html", page(boards, correlations, fitted))
    for found, orders in zip(boards, correlations, strict=True):
        if found.rows:
            console.print(_printed(found))
            for said in findings(found, orders):
                console.print(f"- {said}", markup=False, highlight=False)
        for note in found.notes:
            console.print(note, markup=False, highlight=False, soft_wrap=True)
    console.print(f"Leaderboard: {(out / 'index.html').absolute()}", markup=False, highlight=False, soft_wrap=True)
    if refused:
        raise MedshiftError("refused and left out:\n" + "\n".join(refused))


def _printed(board: Board) -> Table:
    """Returns the ranked table, intervals below their figures, narrow enough for 80 columns."""
    simulated = "SIMULATED: " if board.protocol.dataset.simulated else ""
    title = f"{simulated}{board.protocol.name}, {METRICS[board.rank_by].title}"
    drawn = Table(
        title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=0, pad_edge=False
    )
    drawn.add_column("#", justify="right")
    drawn.add_column("entry", overflow="fold")
    for name, _ in COLUMNS:
        drawn.add_column("synth." if name == "Synthesized" else name.lower(), justify="right", no_wrap=True)
    for sees, rows in board.by_sees().items():
        drawn.add_section()
        drawn.add_row("", f"sees {sees}", style="dim")
        for row in rows:
            texts = [row.aggregates[name, board.rank_by].text if name in row.aggregates else "–" for _, name in COLUMNS]
            rank = "–" if row.rank is None else str(row.rank)
            seeds = "1 seed" if len(row.cards) == 1 else f"{len(row.cards)} seeds"
            figures = [text.replace(" [", "\n\\[") for text in texts]
            drawn.add_row(rank, f"{escape(row.name)}\n[dim]{seeds}[/dim]", *figures)
    return drawn
