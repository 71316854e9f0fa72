"""The leaderboard as Markdown, and its insertion into a README."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...benchmark.contract.sees import MEANS, SEES
from ...benchmark.files.text import visible
from ...benchmark.reporting.markdown import replace_between, require_markers
from ...benchmark.reporting.numbers import format_decimal
from ...benchmark.scoring.metrics import metric_title
from ..analysis.answer import answer
from ..analysis.approach import start_note
from ..analysis.convergence import Convergence, convergence, footnotes
from ..analysis.correlation import Correlation
from ..analysis.findings import findings
from ..analysis.wording import CLAIMED
from ..ranking.board import Board, Row

BEGIN = "<!-- leaderboard:begin -->"
END = "<!-- leaderboard:end -->"
COLUMNS = (
    ("Clean", "clean"),
    ("Real", "real"),
    ("Synthesized", "synthesized"),
    ("Shifted", "shifted"),
    ("Drop", "drop"),
)
# what GitHub makes links of without brackets: addresses, people, issues, mail
LINKED = re.compile(r"(?i)(@(?=\w)|\b[a-z][a-z0-9+]*:(?=//)|\bwww(?=\.)|\bmailto:|\bxmpp:)")
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def markdown(boards: Sequence[Board], correlations: Sequence[Correlation | None] = ()) -> str:
    """Write a table for each board, with its findings and legend below; of one without entries, how to enter."""
    given = correlations or [None] * len(boards)
    return "\n".join(_table(board, found) for board, found in zip(boards, given, strict=True))


def require_readme(path: Path) -> None:
    """Raise MedshiftError if a README cannot take a leaderboard: before anything is scored."""
    require_markers(path, BEGIN, END)


def into_readme(path: Path, text: str) -> None:
    """Replace the text between the two markers of a README.

    Raises:
        MedshiftError: The file or a marker is missing, or a marker occurs twice.
    """
    replace_between(path, BEGIN, text.rstrip("\n"), END)


def escape(text: str) -> str:
    """Escape text so that Markdown shows it literally, on one line; empty comments keep it from becoming links."""
    return LINKED.sub(r"\g<0><!-- -->", SPECIAL.sub(r"\\\1", visible(" ".join(text.split()), len(text) + 3)))


def rank_text(row: Row) -> str:
    """Format a rank and its interval: `2 (1–3)`."""
    return "–" if row.rank is None else f"{row.rank} ({row.ranks[0]}–{row.ranks[1]})"


def _table(board: Board, found: Correlation | None) -> str:
    protocol = board.protocol
    others = [name for name in protocol.metrics if name != board.rank_by]
    heads = ["Tier", "#", "Entry", "Sees", "Seeds", "Steps", *(name for name, _ in COLUMNS)]
    heads += [escape(f"{metric_title(name, protocol.positive)}, shifted") for name in others]
    states = convergence(board)
    kind = " (SIMULATED images)" if protocol.dataset.simulated else ""
    if not board.rows:
        return f"**{escape(protocol.name)}**{kind}\n\n{answer(board).line}\n"
    lines = [
        f"**{escape(protocol.name)}**{kind}",
        "",
        f"| {' | '.join(heads)} |",
        "|--:|--:|---|---|" + "--:|" * (len(heads) - 4),
    ]
    for rows in board.by_sees().values():
        lines += [f"| {' | '.join(_cells(row, states[row.name], board.rank_by, others))} |" for row in rows]
    if board.claimed:
        table = lines[2:4]
        table += [f"| {' | '.join(_cells(row, states[row.name], board.rank_by, others))} |" for row in board.claimed]
        lines = [*(lines if board.by_sees() else lines[:1]), "", escape(CLAIMED), "", *table]
    sentences = [f"- {escape(sentence)}" for sentence in [*findings(board, found), *board.sites]]
    return "\n".join([*lines, "", *sentences, "", _legend(board, states), ""])


def _legend(board: Board, states: Mapping[str, Convergence]) -> str:
    """Explain the columns of the table."""
    protocol, title = board.protocol, board.title
    sentence = (
        f"{title[0].upper()}{title[1:]}, mean over seeds, with 95 % intervals over groups (patients) and seeds. "
        f"Trained on {protocol.trained_on}; real shifts: {', '.join(protocol.targets) or 'none'}; synthesized: "
        f"{len(protocol.shifts)} shifts on the source's test images. Shifted is the mean of real and synthesized; drop "
        f"is by how much it is worse than clean. Entries are ranked by {board.ranked_figure} among methods with the "
        "same access, with the 95 % interval of the rank in parentheses; a tier ends where the paired difference to "
        "its leader is supported, that is, significant at 5 % after Holm's correction. Access:"
    )
    sentence = " ".join([*footnotes(states.values()), sentence])
    seen = [sees for sees in SEES if any(row.sees == sees for row in board.rows)]
    if any(len(row.cards) == 1 for row in board.rows):
        sentence = f"† One seed: intervals over groups only. {sentence}"
    return f"{escape(sentence)} {'; '.join(f'`{sees}`: {escape(MEANS[sees])}' for sees in seen)}."


def _seeds(row: Row) -> str:
    return str(len(row.cards)) if len(row.cards) > 1 else "1 †"


def _start(row: Row) -> str:
    note = start_note(row)
    return f" ({escape(note)})" if note else ""


def _mark(row: Row) -> str:
    """Say of an entry that it is external or brought, and what share of images it answers if it refuses some."""
    baseline = row.cards[0].baseline
    notes = [baseline.distribution] if baseline.external else []
    notes += ["in process"] if row.in_process else []
    notes += [f"coverage {format_decimal(row.coverage)}"] if row.coverage < 1 else []
    return f" ({', '.join(notes)})" if notes else ""


def _cells(row: Row, state: Convergence, rank_by: str, others: Sequence[str]) -> list[str]:
    cells = [
        str(row.tier or "–"),
        rank_text(row),
        f"`{row.name}`{_mark(row)}{_start(row)}",
        f"`{row.sees}`",
        _seeds(row),
        state.text,
    ]
    shown = [(name, rank_by) for _, name in COLUMNS] + [("shifted", name) for name in others]
    return cells + [row.aggregates[name, metric].text if name in row.aggregates else "–" for name, metric in shown]
