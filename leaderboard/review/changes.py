"""Classify the paths that a pull request changes: part of a seed, part of a new protocol, or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...benchmark.protocols.protocol import PROTOCOL_FILE, TRUTH_FILE
from ...benchmark.submissions.fields import ENTRY, SEED_FOLDER
from ...benchmark.submissions.register import REGISTER_FILE
from ...benchmark.submissions.submission import ALLOWED, FILES
from ...benchmark.submissions.submit import PLACE
from ...shifts.errors import MedshiftError
from ..entries.audit_file import AUDIT_FILE
from ..entries.boards_file import BOARDS_FILE

META = re.compile(r":[0-7]{6} ([0-7]{6}) [0-9a-f]+ [0-9a-f]+ ([ADMT])")
GONE, REGULAR = "000000", ("100644", "100755")  # git's modes


@dataclass(frozen=True)
class Changes:
    """Changes among the submissions.

    Args:
        seeds: `.../PROTOCOL/ENTRY/seed-N`, which may have been removed -> its files that change, with git's status: A
            (added), M (modified), D (removed) or T (another type).
        protocols: Folders whose protocol or truth is added or changes.
        refused: Path -> why this change is refused.
        removed: Removed paths that belong to no submission.
        decided: Files beside the protocols that change or are removed, which are the maintainers': `boards.json` and
            the register.
        audits: Folders whose audit is added or changes, which is the maintainers' too.
    """

    seeds: Mapping[Path, Mapping[str, str]]
    protocols: frozenset[Path] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    removed: Sequence[str] = ()
    decided: frozenset[Path] = frozenset()
    audits: frozenset[Path] = frozenset()


def of_folders(folders: Sequence[Path]) -> Changes:
    """Treat submissions as if all of them were new."""
    return Changes({folder.absolute(): dict.fromkeys(FILES, "A") for folder in folders})


def of_diff(raw: bytes, checkout: Path) -> Changes:
    """Classify the changes in a checkout's folder of submissions; other files are ignored.

    Args:
        raw: Output of `git diff --raw -z --no-renames --ignore-submodules=none`.
        checkout: Checkout with the changes applied.

    Raises:
        MedshiftError: `raw` is not such output.
    """
    # bytes that are not UTF-8 become a character that no valid name has
    *words, last = raw.decode("utf-8", "replace").split("\0")
    if last or len(words) % 2:
        raise MedshiftError("the changes are not the output of `git diff --raw -z --no-renames`")
    seeds: dict[Path, dict[str, str]] = {}
    protocols, audits, decided, refused, removed = set(), set(), set(), {}, []
    for meta, path in zip(words[::2], words[1::2], strict=True):
        found = META.fullmatch(meta)
        if found is None:
            raise MedshiftError(f"not the output of `git diff --raw -z --no-renames`: {meta[:80]!r}")
        mode, status = found.groups()
        parts = Path(path).parts
        if parts[: len(PLACE.parts)] != PLACE.parts:
            continue
        inner = parts[len(PLACE.parts) :]
        if _is_protocol_file(inner):
            if status != "A":
                refused[path] = "an entry must not change its protocol"
            protocols.add(checkout / PLACE / inner[0])
        elif _is_seed_file(inner):
            seeds.setdefault(checkout / Path(*parts[:-1]), {})[inner[-1]] = status
        elif len(inner) == 2 and inner[1] == AUDIT_FILE:
            audits.add(checkout / PLACE / inner[0])
        elif inner in ((BOARDS_FILE,), (REGISTER_FILE,)):
            decided.add(checkout / path)
        elif mode == GONE:
            removed.append(path)
        else:
            refused[path] = "does not belong to a submission (PROTOCOL/ENTRY/seed-N)"
        if mode not in (GONE, *REGULAR):
            refused[path] = "is a link or not a regular file"
    return Changes(seeds, frozenset(protocols), refused, removed, frozenset(decided), frozenset(audits))


def _is_protocol_file(inner: Sequence[str]) -> bool:
    return len(inner) == 2 and inner[1] in (PROTOCOL_FILE, TRUTH_FILE)


def _is_seed_file(inner: Sequence[str]) -> bool:
    if len(inner) != 4 or inner[3] not in ALLOWED:
        return False
    return bool(re.fullmatch(ENTRY, inner[1]) and SEED_FOLDER.fullmatch(inner[2]))
