"""Hide folders from a process, where the kernel can (Landlock, Linux 5.13 and later): no content below them is read.

Run as a program, it reads one line from standard input, hides the folders that the line names, and becomes the program
that it names: what runs then has never been told them. Nor can a confined process look into the memory of one that
is not. It needs the standard library only, so that it starts at once.
"""

from __future__ import annotations

import ctypes
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on every processor
VERSION = 1  # asks for the version instead of making a set of rules
BENEATH = 1  # kind of a rule: a file, or all that is below a folder
READ_FILE, READ_DIR = 1 << 2, 1 << 3
NO_NEW_PRIVILEGES = 38  # of prctl; a process may restrict itself only if it cannot become more by it


class _Rules(ctypes.Structure):
    _fields_ = (("handled", ctypes.c_uint64),)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def can_hide() -> bool:
    """Return whether the kernel can hide folders from a process."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return _call(CREATE_RULESET, None, 0, VERSION) >= 1
    except (OSError, AttributeError):
        return False


def hide(folders: Iterable[str], seen: Iterable[str] = (), listed: Iterable[str] = ()) -> None:
    """Refuse this process, and all that it starts, to read what lies in some folders.

    The kernel takes lists of what may be read, not of what may not: all that lies beside the folders, and beside those
    that contain them, is listed. The folders that contain them cannot be listed by the process.

    Args:
        folders: Absolute paths without links.
        seen: Paths that stay readable in any case.
        listed: Folders in which all names may be listed, those of hidden files, too: Python imports from no others.
    """
    hidden = {folder for folder in folders if os.path.isdir(folder)}  # noqa: PTH112
    if not hidden:
        return
    handled = _Rules(READ_FILE | READ_DIR)
    rules = _call(CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    for path in (*_beside(hidden), *seen):
        _allow(rules, path)
    for path in listed:
        _allow(rules, path, READ_DIR)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    _call(RESTRICT_SELF, rules, 0)
    os.close(rules)


def _beside(hidden: set[str]) -> Iterator[str]:
    """Yield what lies in a folder that contains a hidden one, and neither is hidden nor contains one."""
    above: set[str] = set()
    for folder in hidden:
        while (parent := os.path.dirname(folder)) != folder:  # noqa: PTH120
            above.add(parent)
            folder = parent
    for folder in above - hidden:
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118
            if path not in hidden and path not in above:
                yield path


def _allow(rules: int, path: str, most: int = READ_FILE | READ_DIR) -> None:
    """Allow to read a file, or all below a folder; a link is left to what it leads to."""
    try:
        opened = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        mode = os.fstat(opened).st_mode
        if stat.S_ISLNK(mode):
            return
        rule = _Beneath(most if stat.S_ISDIR(mode) else most & READ_FILE, opened)
        _call(ADD_RULE, rules, BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(opened)


def _call(number: int, *words: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    got: int = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(w) if isinstance(w, int) else w for w in words))
    if got < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return got


def _line() -> bytes:
    """Read a line from standard input, and not a byte after it: the rest is for the program."""
    found = bytearray()
    while not found.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(0)  # who started this has gone
        found += byte
    return bytes(found)


def main() -> None:
    """Read `{"hidden": [...], "seen": [...], "listed": [...], "program": [...]}`, hide, and become the program."""
    given = json.loads(_line())
    hide(given["hidden"], given["seen"], given["listed"])
    os.execv(given["program"][0], given["program"])


if __name__ == "__main__":
    main()
