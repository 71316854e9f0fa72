"""What the check of a pull request says: are its entries in order, and where would they stand?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ...benchmark.scoring.metrics import METRICS
from ...benchmark.submissions import submission
from ...benchmark.submissions.submission import FILES
from ...benchmark.submissions.verification_record import VERIFIED_FILE
from ...shifts.errors import MedshiftError
from ..entries.entries import ProtocolFolder, protocol_folder
from ..ranking.board import Board, rank_entries
from ..report.markdown import escape
from .changes import Changes

MOST_PROBLEMS = 20  # of an entry that are shown
LONGEST = 60_000  # characters: a comment takes 65,536
UNDER: Mapping[str, str] = {"shifted": "under shift", "clean": "without any shift"}  # by the figure that ranks


def review(changed: Changes) -> tuple[str, bool]:
    """Returns Markdown about what changes among the submissions, and whether all of it is in order."""
    lines, sound = ["## Leaderboard", ""], not changed.refused
    lines += _told("Changed paths", [f"{path}: {why}" for path, why in sorted(changed.refused.items())])
    lines += [f"- {_code(path)}: removed" for path in changed.removed[:MOST_PROBLEMS]]
    by_contest: dict[Path, list[Path]] = {home: [] for home in changed.contests}
    for folder in changed.seeds:
        by_contest.setdefault(folder.parent.parent, []).append(folder)
    for home, mine in sorted(by_contest.items()):
        try:
            said, in_order = _reviewed(
                protocol_folder(home), {folder: changed.seeds[folder] for folder in sorted(mine)}
            )
        except MedshiftError as error:
            said, in_order = [f"- {_code(home.name)}: {_code(str(error))}"], False
        lines += said
        sound &= in_order
    if len(lines) == 2:
        lines.append("No entry is touched.")
    return "\n".join(lines)[:LONGEST] + "\n", sound


def _reviewed(terms: ProtocolFolder, seeds: Mapping[Path, Collection[str]]) -> tuple[list[str], bool]:
    """Returns what is said of the entries of one contest, and whether all are in order."""
    if terms.protocol.name != terms.folder.name:
        raise MedshiftError(f"its protocol is named {terms.protocol.name!r}")
    lines, good, sound = [], [], True
    for folder, names in seeds.items():
        if not folder.exists():
            lines.append(f"- {_code(_title(folder))}: removed")
            continue
        found = submission.check_submission(folder, terms.protocol, terms.truth)
        marked = (folder / VERIFIED_FILE).exists()
        if marked and not set(FILES).isdisjoint(names):
            found.append(
                f"{VERIFIED_FILE} stands beside a card or predictions that change: a mark comes in a pull request of "
                "its own, from someone who ran the entry again, and goes where what it marks changes"
            )
        if found:
            lines += _told(_code(_title(folder)), found)
            sound = False
            continue
        good.append(folder)
        if VERIFIED_FILE in names:
            what = "a mark, to be looked at by a maintainer" if marked else "its mark is removed"
            lines.append(f"- {_code(_title(folder))}: {what}")
    if good:
        said, ranked = _standing(rank_entries(terms), terms.folder, good)
        lines += said
        sound &= ranked
    return lines, sound


def _told(what: str, found: Sequence[str]) -> list[str]:
    """Returns what is wrong with something, which is Markdown already; nothing where nothing is."""
    if not found:
        return []
    shown = [f"  - {_code(problem)}" for problem in found[:MOST_PROBLEMS]]
    more = [f"  - and {len(found) - MOST_PROBLEMS} more"] if len(found) > MOST_PROBLEMS else []
    return [f"- {what}: **refused**", *shown, *more]


def _standing(ranked: Board, home: Path, folders: Sequence[Path]) -> tuple[list[str], bool]:
    """Returns where entries would stand, and whether all of their seeds do.

    Seeds that are in order one by one can still not be one entry, and would take the seeds that are there with them.
    """
    title = METRICS[ranked.rank_by].title
    lines, sound = [], True
    for name in sorted({folder.parent.name for folder in folders}):
        place = home / name
        refused = [line for line in ranked.refused if line.startswith((f"{place}:", f"{place}/"))]
        row = next((row for row in ranked.rows if row.name == name), None)
        if refused or row is None:
            told = [line.removeprefix(f"{home.parent}/") for line in refused]
            lines += _told(_code(f"{home.name}/{name}"), told or ["no seed of it can be ranked"])
            sound = False
            continue
        seeds = ", ".join(str(card.seed) for card in row.cards)
        peers = len(ranked.by_sees()[row.sees])
        figure = row.aggregates[ranked.ranked_figure, ranked.rank_by].text
        between = f"{row.ranks[0]} to {row.ranks[1]}"
        rank = f"rank {row.rank} ({between}) of {peers}, tier {row.tier}" if row.rank else "no rank"
        lines.append(
            f"- {_code(name)} on {_code(ranked.protocol.name)} (seeds {seeds}): in order. It would stand at {rank}, "
            f"among methods that see `{row.sees}`: {title} {escape(figure)} {UNDER[ranked.ranked_figure]}."
        )
    return lines, sound


def _title(folder: Path) -> str:
    return "/".join(folder.parts[-3:])


def _code(text: str) -> str:
    """Returns text as a span of code, in which nothing is a link, a mention or HTML."""
    plain = "".join(c if c.isprintable() and c != "`" else "?" for c in text)[:300]
    return f"`{plain}`"
