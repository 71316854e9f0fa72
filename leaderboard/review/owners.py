"""Who may change what: an entry belongs to who committed it, by the base branch and never by the pull request.

Names in commits are their author's word. So GitHub says who asks (the one who opened the pull request), and the
history of the base branch says who owns, which the pull request cannot change: the author of the commit that added the
oldest of the entry's cards, if the address is one that GitHub gives (`NUMBER+LOGIN@users.noreply.github.com`). Where
the number of who asks is known, it decides: a login that was given up may be another's today, and of an address without
a number nobody knows whose it was. Of any other address nobody knows the login. Such an entry is for maintainers,
unless `boards.json` names its owners. Who removes a card and puts it back has not added it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ...benchmark.submissions.card import CARD_FILE
from ...benchmark.submissions.submit import PLACE
from ..entries.boards_file import Boards, read_boards

ADDRESS = re.compile(
    r"(?:(\d+)\+)?([A-Za-z0-9][A-Za-z0-9-]{0,38}(?:\[bot\])?)@users\.noreply\.github\.com", re.IGNORECASE
)
PATIENCE = 120  # seconds for git


@dataclass(frozen=True)
class Asker:
    """Who asks for a change, and what was there before it.

    Args:
        login: Who opened the pull request, by GitHub; empty if that is not known.
        before: A checkout of what the change is to be merged into, with its whole history; None if there is none.
        maintainers: Maintainers beside those of `boards.json`.
        number: The account of `login` at GitHub, which a login may change; empty if that is not known.
    """

    login: str = ""
    before: Path | None = None
    maintainers: Collection[str] = ()
    number: str = ""
    _known: dict[str, tuple[_Owner, ...]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def boards(self) -> Boards:
        """The decisions of the maintainers, as they were before the change."""
        return (read_boards(self.before / PLACE) if self.before else None) or Boards()

    @property
    def maintains(self) -> bool:
        """Whether the one who asks is a maintainer."""
        return _among(self.login, (*self.boards.maintainers, *self.maintainers))

    def existed(self, entry: str) -> bool:
        """Return whether an entry, `PROTOCOL/ENTRY`, was there before."""
        return self.before is not None and any((self.before / PLACE / entry).glob(f"*/{CARD_FILE}"))

    def owners(self, entry: str) -> tuple[str, ...]:
        """Return the logins of those to whom an entry belongs; none if that is not known."""
        return tuple(owner.login for owner in self._owners(entry))

    def _owners(self, entry: str) -> tuple[_Owner, ...]:
        if entry not in self._known:
            listed = self.boards.owners.get(entry)
            named = None if listed is None else tuple(_Owner(login) for login in listed)
            self._known[entry] = _committer(self.before, entry) if named is None else named
        return self._known[entry]

    def _is(self, owner: _Owner) -> bool:
        if owner.number is None or not self.number:
            return _among(self.login, [owner.login])
        return owner.number == self.number

    def refusal(self, entry: str) -> str:
        """Return why the one who asks may not change an entry that was there before; empty if they may."""
        owners = self._owners(entry)
        if self.maintains or any(map(self._is, owners)):
            return ""
        whose = f"belongs to {', '.join(self.owners(entry)) or 'the maintainers'}"
        who = f", not to {self.login}" if self.login else "; who asks is not known (--author)"
        if _among(self.login, self.owners(entry)):
            who = f", which was another account then (number {owners[0].number or 'not known'})"
        return f"{whose}{who}: submit under another name, or ask a maintainer"


def _among(login: str, logins: Collection[str]) -> bool:
    return bool(login) and login.casefold() in {each.casefold() for each in logins}


class _Owner(NamedTuple):
    """Somebody to whom an entry belongs.

    Args:
        login: At GitHub.
        number: The account's, by the address in a commit; empty if that has none, None of those that maintainers name.
    """

    login: str
    number: str | None = None


def _committer(before: Path | None, entry: str) -> tuple[_Owner, ...]:
    """Return who added an entry, if the history says so."""
    if before is None:
        return ()
    place = (PLACE / entry).as_posix()
    shallow = _git(before, "rev-parse", "--is-shallow-repository")
    if shallow is None or shallow.strip() != "false":  # its first commit would seem to have added everything
        return ()
    words = ("log", "--topo-order", "--no-renames", "--raw", "--no-abbrev", "-z", "--format=%x01%ae", "HEAD")
    found = _git(before, *words, "--", place)
    cards: dict[str, list[_Change]] = {}  # what happened to each card, the latest first
    for age, commit in enumerate((found or "").split("\x01")[1:]):
        address, *parts = (word.strip("\n") for word in commit.split("\0"))
        parts = [part for part in parts if part]
        for meta, path in zip(parts[::2], parts[1::2], strict=False):
            if path.endswith(f"/{CARD_FILE}") and (before / path).is_file():
                old, new = meta.split()[2:4]
                cards.setdefault(path, []).append(_Change(age, address, old, new))
    added = [_addition(changes) for changes in cards.values()]
    if not added:
        return ()
    matched = ADDRESS.fullmatch(max(added)[1])
    return (_Owner(matched[2], matched[1] or ""),) if matched else ()


class _Change(NamedTuple):
    """What a commit did to a card: how many commits ago, whose, git's hashes before and after (zeros: no file)."""

    age: int
    address: str
    old: str
    new: str


def _addition(changes: Sequence[_Change]) -> tuple[int, str]:
    """Return when a card was added (commits back), and by whom.

    A card that was removed and came back is the one that was there before, if any of its earlier contents came back:
    else a removal and what takes it back, which together change nothing, would hand over the entry.

    Args:
        changes: Of the card, the latest first.
    """
    since = {changes[0].new}
    added = changes[-1]
    for number, change in enumerate(changes):
        since.add(change.new)
        if not change.old.strip("0"):
            added = change
            if since.isdisjoint(each.new for each in changes[number + 1 :] if each.new.strip("0")):
                break
    return added.age, added.address


def _git(folder: Path, *words: str) -> str | None:
    """Run git in a checkout; None if that fails."""
    try:
        command = ["git", "-C", str(folder), *words]
        done = subprocess.run(
            command, capture_output=True, check=True, timeout=PATIENCE, encoding="utf-8", errors="replace"
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
