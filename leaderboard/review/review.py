"""Review a pull request: what it changes of what is there, whether that is valid, and where its entries would rank."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ...benchmark.submissions import card, submission
from ...benchmark.submissions.siblings import other_images
from ...benchmark.submissions.submission import FILES
from ...benchmark.submissions.verification_record import VERIFIED_FILE
from ...shifts.errors import MedshiftError
from ..entries.entries import ProtocolFolder, protocol_folder
from ..ranking.board import Board, rank_entries
from .changes import Changes
from .existing import touched
from .maintained import maintained
from .owners import Asker
from .standing import remarks_on, standing
from .wording import HEAD, Found, code, section


def review(changed: Changes, asker: Asker | None = None) -> tuple[str, bool]:
    """Write the review as Markdown; also return whether all changes are valid.

    What exists and is changed or removed comes first, then what is refused, what to look at, and what is added.

    Args:
        changed: The changes.
        asker: Who asks for them, and what was there before; without it, nothing was.
    """
    found, by = Found(), asker or Asker()
    found.refuse("Changed paths", [f"{path}: {why}" for path, why in sorted(changed.refused.items())])
    maintained(changed, by, found)
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
