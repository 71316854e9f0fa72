"""What the check of a pull request says: are its entries in order, and where would they stand?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..benchmark import submission
from ..benchmark.metrics import METRICS
from ..benchmark.verified import VERIFIED_FILE
from ..shifts.errors import MedshiftError
from .board import Board, board
from .entries import Contest, contest
from .markdown import escape

MOST_PROBLEMS = 20  # of an entry that are shown
LONGEST = 60_000  # characters: a comment takes 65,536


def review(folders: Sequence[Path]) -> tuple[str, bool]:
    """Returns Markdown about submissions, and whether all are in order.

    Args:
        folders: `.../PROTOCOL/ENTRY/seed-N`, of which some may not be there any more.
    """
    lines, sound = ["## Leaderboard", ""], True
    by_contest: dict[Path, list[Path]] = {}
    for folder in folders:
        by_contest.setdefault(folder.parent.parent, []).append(folder)
    for home, mine in sorted(by_contest.items()):
        try:
            terms = contest(home)
        except MedshiftError as error:
            lines.append(f"- {_code(home.name)}: {_code(str(error))}")
            sound = False
            continue
        good = []
        for folder in sorted(mine):
            found = _problems(folder, terms)
            sound &= not found
            if found:
                lines += _told(folder, found)
            elif folder.is_dir():
                good.append(folder)
            else:
                lines.append(f"- {_code(_title(folder))}: removed")
        if good:
            lines += _standing(board(terms), good)
    if not folders:
        lines.append("No entry is touched.")
    return "\n".join(lines)[:LONGEST] + "\n", sound


def _problems(folder: Path, terms: Contest) -> list[str]:
    if not folder.exists():
        return []
    found = submission.problems(folder, terms.protocol, terms.truth)
    if (folder / VERIFIED_FILE).exists():
        found.append(f"{VERIFIED_FILE} is added by a maintainer who ran the entry again, in a pull request of its own")
    return found


def _told(folder: Path, found: Sequence[str]) -> list[str]:
    shown = [f"  - {_code(problem)}" for problem in found[:MOST_PROBLEMS]]
    more = [f"  - and {len(found) - MOST_PROBLEMS} more"] if len(found) > MOST_PROBLEMS else []
    return [f"- {_code(_title(folder))}: **refused**", *shown, *more]


def _standing(ranked: Board, folders: Sequence[Path]) -> list[str]:
    title = METRICS[ranked.rank_by].title
    lines = []
    for name in sorted({folder.parent.name for folder in folders}):
        row = next((row for row in ranked.rows if row.name == name), None)
        if row is None:
            lines.append(f"- {_code(name)}: cannot be ranked; `medshift leaderboard` says why")
            continue
        seeds = ", ".join(str(card.seed) for card in row.cards)
        peers = len(ranked.by_sees()[row.sees])
        figure = row.aggregates[ranked.ranked_figure, ranked.rank_by].text
        between = f"{row.ranks[0]} to {row.ranks[1]}"
        place = f"rank {row.rank} ({between}) of {peers}, tier {row.tier}" if row.rank else "no rank"
        lines.append(
            f"- {_code(name)} on {_code(ranked.protocol.name)} (seeds {seeds}): in order. It would stand at {place}, "
            f"among methods that see `{row.sees}`: {title} {escape(figure)} under shift."
        )
    return lines


def _title(folder: Path) -> str:
    return "/".join(folder.parts[-3:])


def _code(text: str) -> str:
    """Returns text as a span of code, in which nothing is a link, a mention or HTML."""
    plain = "".join(c if c.isprintable() and c != "`" else "?" for c in text)[:300]
    return f"`{plain}`"
