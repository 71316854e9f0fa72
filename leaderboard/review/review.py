"""Review a pull request: what it changes of what is there, whether that is valid, and where its entries would rank."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...benchmark.submissions import card, submission
from ...benchmark.submissions.siblings import other_images
from ...benchmark.submissions.submission import FILES
from ...benchmark.submissions.submit import PLACE
from ...benchmark.submissions.verification_record import VERIFIED_FILE
from ...shifts.errors import MedshiftError
from ..entries.audit_file import AUDIT_FILE, board_audit
from ..entries.boards_file import BOARDS_FILE
from ..entries.entries import ProtocolFolder, protocol_folder
from ..ranking.board import Board, rank_entries
from .changes import Changes
from .existing import touched
from .owners import Asker
from .standing import remarks_on, standing
from .wording import HEAD, code, refusal, section

MAINTAINERS_ONLY = "is for maintainers: ask one to add it"


@dataclass
class Found:
    """What a review has to say, by section."""

    touched: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    look_at: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    valid: bool = True

    def refuse(self, what: str, problems: list[str]) -> None:
        """Refuse something, given as Markdown, for some reasons; nothing happens if there are none."""
        self.refused += refusal(what, problems)
        self.valid &= not problems


def review(changed: Changes, asker: Asker | None = None) -> tuple[str, bool]:
    """Write the review as Markdown; also return whether all changes are valid.

    What exists and is changed or removed comes first, then what is refused, what to look at, and what is added.

    Args:
        changed: The changes.
        asker: Who asks for them, and what was there before; without it, nothing was.
    """
    found, by = Found(), asker or Asker()
    found.refuse("Changed paths", [f"{path}: {why}" for path, why in sorted(changed.refused.items())])
    _maintained(changed, by, found)
    by_protocol: dict[Path, list[Path]] = {path: [] for path in changed.protocols}
    for seed in changed.seeds:
        by_protocol.setdefault(seed.parent.parent, []).append(seed)
    for path, seeds in sorted(by_protocol.items()):
        given = {seed: changed.seeds[seed] for seed in sorted(seeds)}
        after = None
        try:
            after = _review_protocol(protocol_folder(path), given, found)
        except MedshiftError as error:
            found.refuse(code(path.name), [str(error).replace(f"{path.parent}/", "")])
        found.valid &= touched(path, given, by, after, found.touched)
    lines = [
        *section("What this changes or removes", found.touched),
        *section("Refused", found.refused),
        *section("To be looked at by a maintainer", found.look_at),
        *section("What this adds, and where it would stand", found.added),
    ]
    text = "\n".join([HEAD, "", *(lines or ["This pull request changes no entry."])]).rstrip("\n")
    return text + "\n", found.valid


def _maintained(changed: Changes, by: Asker, found: Found) -> None:
    """Review what only maintainers may do: decide about boards, add protocols, remove what belongs to no submission."""
    if changed.settled:
        found.touched.append(f"- {code(BOARDS_FILE)}: **changes** owners, maintainers or the order of the boards")
        found.refuse(code(BOARDS_FILE), [] if by.maintains else ["belongs to the maintainers: ask one to change it"])
    for path in sorted(changed.audits):
        found.touched.append(
            f"- {code(f'{path.name}/{AUDIT_FILE}')}: **changes** what the board's page says of its images"
        )
        found.refuse(code(f"{path.name}/{AUDIT_FILE}"), _audit(path, by))
    found.touched += [f"- {code(path)}: **removed**" for path in changed.removed]
    if changed.removed and not by.maintains:
        found.refuse("Removed paths", ["belong to no submission: only a maintainer removes them"])
    for path in sorted(changed.protocols):
        if by.before is not None and not (by.before / PLACE / path.name).exists() and path.exists():
            found.added.append(f"- {code(path.name)}: **a new protocol**, below the project's own on the page")
            found.refuse(code(path.name), [] if by.maintains else [f"a new protocol {MAINTAINERS_ONLY}"])


def _audit(path: Path, by: Asker) -> list[str]:
    """List what is wrong with an audit that changes; it is read only if a maintainer asks."""
    if not by.maintains:
        return [f"an audit {MAINTAINERS_ONLY}"]
    try:
        board_audit(protocol_folder(path))
    except MedshiftError as error:
        return [str(error).replace(f"{path.parent}/", "")]
    return []


def _images(folder: ProtocolFolder, seed: Path) -> list[str]:
    """Say if entries were made with other images: a board leaves out the fewer, which may be those that were there."""
    why = other_images(seed, card.read(seed).dataset.images_sha256)
    return [why.replace(f"{folder.path.absolute()}/", "")] if why else []


def _review_protocol(folder: ProtocolFolder, seeds: Mapping[Path, Collection[str]], found: Found) -> Board:
    """Review the entries of one protocol folder; return its board."""
    if folder.protocol.name != folder.path.name:
        raise MedshiftError(f"its protocol is named {folder.protocol.name!r}; rename the folder to match")
    good = []
    for seed, names in seeds.items():
        if not seed.exists():
            continue
        problems = submission.check_submission(seed, folder.protocol, folder.truth) or _images(folder, seed)
        marked = (seed / VERIFIED_FILE).exists()
        if marked and not set(FILES).isdisjoint(names):
            problems.append(
                f"{VERIFIED_FILE} lies beside a card or predictions that change: remove it here; whoever reruns the "
                "entry adds it in a separate pull request"
            )
        found.refuse(code("/".join(seed.parts[-3:])), problems)
        if problems:
            continue
        good.append(seed)
        if VERIFIED_FILE in names:
            what = "verification mark added, to be checked by a maintainer" if marked else "verification mark removed"
            found.look_at.append(f"- {code('/'.join(seed.parts[-3:]))}: {what}")
    ranked = rank_entries(folder)  # of a protocol without a sound entry, too: its cost is seen here
    found.look_at += remarks_on(ranked, {seed.parent.name for seed in good})
    lines, unranked = standing(ranked, folder.path, good)
    found.added += lines
    for name, why in unranked.items():
        found.refuse(code(f"{folder.path.name}/{name}"), why)
    return ranked
