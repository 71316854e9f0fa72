"""Where entries stand on a board, before and after a change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ..ranking.board import Board, Row
from ..report.markdown import escape
from .wording import code

UNDER: Mapping[str, str] = {"shifted": "under shift", "clean": "without any shift"}  # by ranking figure


def row_of(board: Board | None, name: str) -> Row | None:
    """Return the row of an entry; None if the board has none."""
    return next((row for row in board.rows if row.name == name), None) if board else None


def figure_of(board: Board | None, name: str) -> str:
    """Write rank and figure of an entry, as Markdown: `rank 1 of 19, .760 [.74, .78]`, or `not on the board`."""
    row = row_of(board, name)
    if board is None or row is None:
        return "not on the board"
    figure = board.figure(row).text
    place = f"rank {row.rank} of {len(board.by_sees()[row.sees])}" if row.rank else "no rank"
    return f"{place}, {board.title} {escape(figure)} {UNDER[board.ranked_figure]}"


def standing(ranked: Board, root: Path, seeds: Sequence[Path]) -> tuple[list[str], dict[str, list[str]]]:
    """Write where entries would rank; also return why some cannot be ranked, by name.

    Seeds that are valid one by one may still not form one entry, and would then remove existing seeds from the board.
    """
    lines, wrong = [], {}
    for name in sorted({seed.parent.name for seed in seeds}):
        path = root / name
        refused = [line for line in ranked.refused if line.startswith((f"{path}:", f"{path}/"))]
        row = row_of(ranked, name)
        if refused or row is None:
            problems = [line.removeprefix(f"{root.parent}/") for line in refused]
            wrong[name] = problems or ["none of its seeds can be ranked"]
            continue
        lines.append(_sentence(ranked, row))
    return lines, wrong


def _sentence(ranked: Board, row: Row) -> str:
    numbers = ", ".join(str(card.seed) for card in row.cards)
    count = "seed" if len(row.cards) == 1 else "seeds"
    peers = len(ranked.by_sees().get(row.sees, []))
    figure = row.aggregates[ranked.ranked_figure, ranked.rank_by].text
    interval = f"{row.ranks[0]} to {row.ranks[1]}"
    place = f"rank {row.rank} ({interval}) of {peers}, in tier {row.tier}" if row.rank else "have no rank"
    place += " until a maintainer has run it again" if row.claimed else ""
    draws = {card.tuning.draws for card in row.cards if card.tuning}
    tuned = f" Tuned on source validation: {max(draws)} draws a seed." if draws else ""
    return (
        f"- {code(row.name)} on {code(ranked.protocol.name)} ({count} {numbers}): valid. It would {place}, among "
        f"methods that see `{row.sees}`: {ranked.title} {escape(figure)} {UNDER[ranked.ranked_figure]}.{tuned}"
    )


def remarks_on(ranked: Board, names: Collection[str]) -> list[str]:
    """List what a maintainer should look at in some entries of a board."""
    found = [f"- {code(remark.text)}" for remark in ranked.remarks if not set(names).isdisjoint(remark.entries)]
    odd = [note for note in ranked.notes if note.partition("/seed-")[0] in names and "fingerprints" in note]
    return [*found, *(f"- {code(note)}" for note in odd)]
