"""DICOM data sets without preamble and meta, recognised by their first elements."""

from __future__ import annotations

import struct

FIRST_GROUPS = (0x0002, 0x0008)  # meta without preamble, or the data set itself
LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV")
SHORT = (
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL"),
    *(b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
)
LEAST = 3  # elements that must follow each other
MOST = 4096  # bytes of one of the first elements: dates, types, identifiers


def is_headless(head: bytes) -> bool:
    """Tell whether bytes begin like a DICOM data set: some elements in ascending order, each of a plausible length.

    Args:
        head: The first bytes of a file; some hundred are enough.
    """
    return any(_begins(head, order, explicit) for order in "<>" for explicit in (True, False))


def _begins(head: bytes, order: str, explicit: bool) -> bool:
    at, last, found = 0, (0, 0), 0
    while at + 8 <= len(head):
        group, element = struct.unpack_from(f"{order}HH", head, at)
        if (not found and group not in FIRST_GROUPS) or (group, element) <= last:
            return False
        kind = head[at + 4 : at + 6]
        if not explicit:
            (length,), size = struct.unpack_from(f"{order}I", head, at + 4), 8
        elif kind in SHORT:
            (length,), size = struct.unpack_from(f"{order}H", head, at + 6), 8
        elif kind in LONG and at + 12 <= len(head):
            (length,), size = struct.unpack_from(f"{order}I", head, at + 8), 12
        else:
            return False
        if length == 0xFFFFFFFF:  # a sequence, whose end is not known
            return found >= LEAST
        if length > MOST or length % 2:
            return False
        at, last, found = at + size + length, (group, element), found + 1
    return found >= LEAST
