"""Parquet files whose footers lie."""

from __future__ import annotations


def forge_number(path, true, false, count=0):
    """Replace a number in the footer of a Parquet file by a false one: everywhere, or the first `count` times."""
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    length = len(varint(2 * true))  # zigzag encoding doubles integers
    footer = content[start:]
    assert varint(2 * true) in footer
    path.write_bytes(content[:start] + footer.replace(varint(2 * true), varint(2 * false, length), count or -1))


def varint(number, length=1):
    """Encode a number with seven bits per byte, in at least `length` bytes."""
    parts = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 7 * length), 7)]
    return bytes([part | 128 for part in parts[:-1]] + parts[-1:])
