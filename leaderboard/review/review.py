"""Review a pull request: are its entries valid, and where would they rank?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ...benchmark.submissions import submission
from ...benchmark.submissions.submission import FILES
from ...benchmark.submissions.verification_record import VERIFIED_FILE
from ...shifts.errors import MedshiftError
from ..entries.entries import ProtocolFolder, protocol_folder
from ..ranking.board import Board, rank_entries
from ..report.markdown import escape
from .changes import Changes

MOST_PROBLEMS = 20  # shown per entry
LONGEST = 60_000  # characters: a comment may have 65,536
UNDER: Mapping[str, str] = {"shifted": "under shift", "clean": "without any shift"}  # by ranking figure


def review(changed: Changes) -> tuple[str, bool]:
    """Write the review as Markdown; also return whether all changes are valid."""
    lines, valid = ["## Leaderboard", ""], not changed.refused
    lines += _refusal("Changed paths", [f"{path}: {why}" for path, why in sorted(changed.refused.items())])
    lines += [f"- {_code(path)}: removed" for path in changed.removed[:MOST_PROBLEMS]]
    by_protocol: dict[Path, list[Path]] = {path: [] for path in changed.protocols}
    for seed in changed.seeds:
        by_protocol.setdefault(seed.parent.parent, []).append(seed)
    for path, seeds in sorted(by_protocol.items()):
        try:
            found, all_valid = _review_protocol(
                protocol_folder(path), {seed: changed.seeds[seed] for seed in sorted(seeds)}
            )
        except MedshiftError as error:
            found, all_valid = [f"- {_code(path.name)}: {_code(str(error))}"], False
        lines += found
        valid &= all_valid
    if len(lines) == 2:
        lines.append("This pull request changes no entry.")
    return "\n".join(lines)[:LONGEST] + "\n", valid


def _review_protocol(folder: ProtocolFolder, seeds: Mapping[Path, Collection[str]]) -> tuple[list[str], bool]:
    """Review the entries of one protocol folder; also return whether all are valid."""
    if folder.protocol.name != folder.path.name:
        raise MedshiftError(f"its protocol is named {folder.protocol.name!r}; rename the folder to match")
    lines, good, valid = [], [], True
    for seed, names in seeds.items():
        if not seed.exists():
            lines.append(f"- {_code(_title(seed))}: removed")
            continue
        problems = submission.check_submission(seed, folder.protocol, folder.truth)
        marked = (seed / VERIFIED_FILE).exists()
        if marked and not set(FILES).isdisjoint(names):
            problems.append(
                f"{VERIFIED_FILE} lies beside a card or predictions that change: remove it here; whoever reruns the "
                "entry adds it in a separate pull request"
            )
        if problems:
            lines += _refusal(_code(_title(seed)), problems)
            valid = False
            continue
        good.append(seed)
        if VERIFIED_FILE in names:
            what = "verification mark added, to be checked by a maintainer" if marked else "verification mark removed"
            lines.append(f"- {_code(_title(seed))}: {what}")
    if good:
        found, all_ranked = _standing(rank_entries(folder), folder.path, good)
        lines += found
        valid &= all_ranked
    return lines, valid


def _refusal(what: str, problems: Sequence[str]) -> list[str]:
    """List problems below what they concern, given as Markdown; nothing if there are none."""
    if not problems:
        return []
    listed = [f"  - {_code(problem)}" for problem in problems[:MOST_PROBLEMS]]
    more = [f"  - and {len(problems) - MOST_PROBLEMS} more"] if len(problems) > MOST_PROBLEMS else []
    return [f"- {what}: **refused**", *listed, *more]


def _standing(ranked: Board, root: Path, seeds: Sequence[Path]) -> tuple[list[str], bool]:
    """Write where entries would rank; also return whether all of their seeds can be ranked.

    Seeds that are valid one by one may still not form one entry, and would then remove existing seeds from the board.
    """
    title = ranked.title
    lines, all_ranked = [], True
    for name in sorted({seed.parent.name for seed in seeds}):
        path = root / name
        refused = [line for line in ranked.refused if line.startswith((f"{path}:", f"{path}/"))]
        row = next((row for row in ranked.rows if row.name == name), None)
        if refused or row is None:
            problems = [line.removeprefix(f"{root.parent}/") for line in refused]
            lines += _refusal(_code(f"{root.name}/{name}"), problems or ["none of its seeds can be ranked"])
            all_ranked = False
            continue
        numbers = ", ".join(str(card.seed) for card in row.cards)
        count = "seed" if len(row.cards) == 1 else "seeds"
        peers = len(ranked.by_sees().get(row.sees, []))
        figure = row.aggregates[ranked.ranked_figure, ranked.rank_by].text
        interval = f"{row.ranks[0]} to {row.ranks[1]}"
        standing = f"rank {row.rank} ({interval}) of {peers}, in tier {row.tier}" if row.rank else "have no rank"
        standing += " until a maintainer has run it again" if row.claimed else ""
        lines.append(
            f"- {_code(name)} on {_code(ranked.protocol.name)} ({count} {numbers}): valid. It would {standing}, among "
            f"methods that see `{row.sees}`: {title} {escape(figure)} {UNDER[ranked.ranked_figure]}."
        )
    return lines, all_ranked


def _title(seed: Path) -> str:
    return "/".join(seed.parts[-3:])


def _code(text: str) -> str:
    """Format text as a code span, in which nothing is a link, a mention or HTML."""
    plain = "".join(c if c.isprintable() and c != "`" else "?" for c in text)[:300]
    return f"`{plain}`"
