"""Review what only maintainers may do: decide about boards, add protocols, remove what belongs to no submission."""

from __future__ import annotations

from pathlib import Path

from ...benchmark.submissions.register import REGISTER_FILE, Key, Register, read_register
from ...benchmark.submissions.submit import PLACE
from ...shifts.errors import MedshiftError
from ..entries.audit_file import AUDIT_FILE, board_audit
from ..entries.boards_file import BOARDS_FILE, read_boards
from ..entries.entries import protocol_folder
from .changes import Changes
from .owners import Asker
from .wording import MOST_PROBLEMS, Found, code

ONLY = "is for maintainers: ask one to add it"


def maintained(changed: Changes, by: Asker, found: Found) -> None:
    """Review what concerns no single entry.

    Args:
        changed: The changes.
        by: Who asks for them.
        found: Where it is said.
    """
    for path in sorted(changed.decided):
        if path.is_symlink():  # which is refused as such
            continue
        (_boards if path.name == BOARDS_FILE else _register)(path, by, found)
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
            found.refuse(code(path.name), [] if by.maintains else [f"a new protocol {ONLY}"])


def _boards(path: Path, by: Asker, found: Found) -> None:
    """Review the file of boards, without which no page is built if it is damaged; it is read only for a maintainer."""
    found.touched.append(f"- {code(BOARDS_FILE)}: **changes** owners, maintainers or the order of the boards")
    if not by.maintains:
        found.refuse(code(BOARDS_FILE), ["belongs to the maintainers: ask one to change it"])
        return
    try:
        decided = read_boards(path.parent)
    except MedshiftError as error:
        found.refuse(code(BOARDS_FILE), [_short(error, path)])
        return
    if decided:
        absent = [name for name in decided.boards if not (path.parent / name).is_dir()]
        found.refuse(code(BOARDS_FILE), [f"names the board {name!r}, which is not there" for name in absent])
        strange = [entry for entry in sorted(decided.owners) if not (path.parent / entry).is_dir()]
        found.look_at += [f"- {code(BOARDS_FILE)}: owners of {code(entry)}, which is not there" for entry in strange]


def _register(path: Path, by: Asker, found: Found) -> None:
    """Review the register, which tells the entries that are ranked; it is read only for a maintainer."""
    name = code(REGISTER_FILE)
    if not by.maintains:
        found.touched.append(f"- {name}: **changes** which entries are ranked")
        found.refuse(
            name, ["the register is written by maintainers and by CI: what others say of reruns is not ranked"]
        )
        return
    if not path.exists():
        found.touched.append(f"- {name}: **removes** the register: every entry is ranked then, claimed ones as well")
        return
    try:
        now = read_register(path.parent) or Register()
        before = (read_register(by.before / PLACE) if by.before else None) or Register()
    except MedshiftError as error:
        found.refuse(name, [_short(error, path)])
        return
    ours, theirs = ({run.key: run for run in register.runs} for register in (now, before))
    for what, keys in (
        ("**registers**", [key for key in ours if ours[key] != theirs.get(key)]),
        ("**removes the run of**", [key for key in theirs if key not in ours]),
    ):
        found.touched += [f"- {name}: {what} {_listed(sorted(keys))}"] if keys else []
    if now.runs == before.runs:
        found.touched.append(f"- {name}: changes no run that was reproduced")


def _audit(path: Path, by: Asker) -> list[str]:
    """List what is wrong with an audit that changes; it is read only if a maintainer asks."""
    if not by.maintains:
        return [f"an audit {ONLY}"]
    try:
        board_audit(protocol_folder(path))
    except MedshiftError as error:
        return [_short(error, path)]
    return []


def _listed(keys: list[Key]) -> str:
    shown = ", ".join(code(f"{protocol}/{entry}/seed-{seed}") for protocol, entry, seed in keys[:MOST_PROBLEMS])
    return shown + (f" and {len(keys) - MOST_PROBLEMS} more" if len(keys) > MOST_PROBLEMS else "")


def _short(error: MedshiftError, path: Path) -> str:
    """Leave out where the checkout lies."""
    return str(error).replace(f"{path.parent}/", "")
