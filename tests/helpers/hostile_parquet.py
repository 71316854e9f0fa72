"""Parquet files whose footers lie."""

from __future__ import annotations


def said(path, true, false, count=0):
    """Writes a false number into the footer of a Parquet file for a true one, each time or only the first times."""
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    length = len(varint(2 * true))  # Thrift's compact protocol doubles numbers, for their sign
    footer = content[start:]
    assert varint(2 * true) in footer
    path.write_bytes(content[:start] + footer.replace(varint(2 * true), varint(2 * false, length), count or -1))


def varint(number, length=1):
    """Returns a number seven bits a byte, in at least so many bytes."""
    parts = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 7 * length), 7)]
    return bytes([part | 128 for part in parts[:-1]] + parts[-1:])
