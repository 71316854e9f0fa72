"""What a change does to entries that exist: by entry and submitter, with old and new figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...benchmark.submissions.card import CARD_FILE, Card, parse
from ...benchmark.submissions.submit import PLACE
from ...benchmark.submissions.verification_record import VERIFIED_FILE
from ...shifts.errors import MedshiftError
from ..entries.entries import protocol_folder
from ..ranking.board import Board, rank_entries
from .owners import Asker
from .standing import figure_of
from .wording import code

Files = Mapping[str, str]  # name -> git's status


def touched(path: Path, seeds: Mapping[Path, Files], by: Asker, after: Board | None, lines: list[str]) -> bool:
    """Say what a change does to the entries of a protocol that exist; return whether the one who asks may do that.

    Args:
        path: The protocol's folder, with the change.
        seeds: Folders of seeds -> their files that change.
        by: Who asks, and what was there before.
        after: The board with the change, if there is one.
        lines: What is said is added to these.
    """
    by_entry: dict[str, dict[Path, Files]] = {}
    for seed, files in seeds.items():
        by_entry.setdefault(seed.parent.name, {})[seed] = files
    existing = {name: own for name, own in by_entry.items() if _exists(f"{path.name}/{name}", own, by)}
    if not existing:
        return True
    before = _board(by.before / PLACE / path.name) if by.before else None
    allowed = True
    for name, own in sorted(existing.items()):
        entry = f"{path.name}/{name}"
        only_marks = all(set(files.items()) == {(VERIFIED_FILE, "A")} for files in own.values())
        refusal = "" if only_marks else by.refusal(entry)
        whose = _submitter(by, entry)
        old, new = figure_of(before, name), figure_of(after, name)
        lines.append(f"- {code(entry)}{whose} {_what(own, by, path.name)}: it was {old}; it would be {new}")
        if refusal:
            lines.append(f"  - **refused**: {code(refusal)}")
            allowed = False
    return allowed


def _exists(entry: str, own: Mapping[Path, Files], by: Asker) -> bool:
    """Return whether an entry was there before, as the checkout of before or the kind of change says."""
    return by.existed(entry) or any(status != "A" for files in own.values() for status in files.values())


def _what(own: Mapping[Path, Files], by: Asker, protocol: str) -> str:
    """Say what happens to the seeds of an entry."""
    kinds: dict[str, list[str]] = {}
    for seed, files in own.items():
        existed = by.before is not None and (by.before / PLACE / protocol / seed.parent.name / seed.name).exists()
        if not seed.exists():
            kind = "**removes**"
        elif not existed and all(status == "A" for status in files.values()):
            kind = "**adds to it**"
        elif set(files) == {VERIFIED_FILE}:
            kind = {"A": "marks as verified", "D": "**removes the verification mark of**"}.get(
                files[VERIFIED_FILE], "**changes the verification mark of**"
            )
        else:
            kind = f"**changes** {', '.join(sorted(files))} of"
        kinds.setdefault(kind, []).append(seed.name.removeprefix("seed-"))
    return "; ".join(
        f"{kind} {'seed' if len(names) == 1 else 'seeds'} {', '.join(names)}" for kind, names in kinds.items()
    )


def _submitter(by: Asker, entry: str) -> str:
    """Name who is said to have submitted an entry, and to whom it belongs."""
    said: Sequence[str] = ()
    if by.before is not None:
        cards = [parse(path) for path in sorted((by.before / PLACE / entry).glob(f"*/{CARD_FILE}"))]
        said = sorted({card.submitter for card in cards if isinstance(card, Card) and card.submitter})
    owners = by.owners(entry)
    about = [f"submitter {code(', '.join(said))}"] if said else []
    about += [f"of {code(', '.join(owners))}" if owners else "of the maintainers"]
    return f" ({'; '.join(about)})"


def _board(path: Path) -> Board | None:
    """Rank the entries of a protocol folder; None if there is none, or a damaged one."""
    try:
        return rank_entries(protocol_folder(path)) if path.is_dir() else None
    except MedshiftError:
        return None
