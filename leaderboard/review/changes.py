"""What a pull request changes among the submissions: every path is a seed's, a new protocol's, or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...benchmark.protocols.protocol import PROTOCOL_FILE, TRUTH_FILE
from ...benchmark.submissions.card import ENTRY
from ...benchmark.submissions.submission import FILES, SEED_FOLDER
from ...benchmark.submissions.submit import PLACE
from ...benchmark.submissions.verification_record import VERIFIED_FILE
from ...shifts.errors import MedshiftError

META = re.compile(r":[0-7]{6} ([0-7]{6}) [0-9a-f]+ [0-9a-f]+ ([ADMT])")
GONE, REGULAR = "000000", ("100644", "100755")  # git's modes


@dataclass(frozen=True)
class Changes:
    """What is looked at.

    Args:
        seeds: `.../PROTOCOL/ENTRY/seed-N`, of which some may not be there any more -> names of its files that change.
        contests: Folders of protocols that are new.
        refused: Path -> why it must not change so.
        removed: Paths that no submission has, and which go.
    """

    seeds: Mapping[Path, frozenset[str]]
    contests: frozenset[Path] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    removed: Sequence[str] = ()


def of_folders(folders: Sequence[Path]) -> Changes:
    """Returns submissions as if all of them were new."""
    return Changes(dict.fromkeys(folders, frozenset(FILES)))


def of_diff(raw: bytes, checkout: Path) -> Changes:
    """Returns what changes in the folder of submissions of a checkout; other files are not looked at.

    Args:
        raw: What `git diff --raw -z --no-renames` prints.
        checkout: With the changes made.

    Raises:
        MedshiftError: It is something else.
    """
    # a name that is no UTF-8 gets a character that no name may have
    *words, last = raw.decode("utf-8", "replace").split("\0")
    if last or len(words) % 2:
        raise MedshiftError("the changes are not what `git diff --raw -z --no-renames` prints")
    seeds: dict[Path, set[str]] = {}
    contests, refused, removed = set(), {}, []
    for meta, path in zip(words[::2], words[1::2], strict=True):
        found = META.fullmatch(meta)
        if found is None:
            raise MedshiftError(f"{meta[:80]!r} is not what `git diff --raw -z --no-renames` prints")
        mode, status = found.groups()
        parts = Path(path).parts
        if parts[: len(PLACE.parts)] != PLACE.parts:
            continue
        inner = parts[len(PLACE.parts) :]
        if _of_a_protocol(inner):
            if status != "A":
                refused[path] = "an entry must not change its protocol"
            contests.add(checkout / PLACE / inner[0])
        elif _of_a_seed(inner):
            seeds.setdefault(checkout / Path(*parts[:-1]), set()).add(inner[-1])
        elif mode == GONE:
            removed.append(path)
        else:
            refused[path] = "does not belong to a submission, PROTOCOL/ENTRY/seed-N"
        if mode not in (GONE, *REGULAR):
            refused[path] = "is a link or no regular file"
    return Changes({folder: frozenset(names) for folder, names in seeds.items()}, frozenset(contests), refused, removed)


def _of_a_protocol(inner: Sequence[str]) -> bool:
    return len(inner) == 2 and inner[1] in (PROTOCOL_FILE, TRUTH_FILE)


def _of_a_seed(inner: Sequence[str]) -> bool:
    if len(inner) != 4 or inner[3] not in (*FILES, VERIFIED_FILE):
        return False
    return bool(re.fullmatch(ENTRY, inner[1]) and SEED_FOLDER.fullmatch(inner[2]))
