"""Upper bounds on the rows and decompressed size of a Parquet file, from its page headers: the footer can lie.

A reader decompresses page by page, each into exactly as many bytes as the page's own header states, and fails if the
count differs. So the sum over the headers holds whatever the footer claims. Footer and headers are parsed here after
https://github.com/apache/parquet-format (FileMetaData, PageHeader): on a damaged footer, pyarrow can crash the process.
"""

from __future__ import annotations

from itertools import chain
from mmap import ACCESS_READ, mmap
from pathlib import Path

from .thrift_compact import I32, I64, Compact, Struct, lists, number, struct

MAGIC = b"PAR1"
LARGEST_HEADER = 16 << 20  # bytes, for a page header and for the footer
# plain, both dictionary encodings, run length, delta length, byte-stream split: all decode to about the page's size.
# Delta strings (7) do not: each row can repeat the whole row before it
BOUNDED = (0, 2, 3, 6, 8, 9)


def parquet_bounds(path: Path, most: int) -> tuple[int, int]:
    """Bound the number of rows, by the largest count in the file, and the bytes that all its pages decompress to.

    Args:
        path: The file.
        most: Bytes after which to stop: a footer can list the same pages a million times.

    Raises:
        ValueError: The file is not Parquet, damaged, encrypted, or in an encoding whose decoded size is unbounded.
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        length = int.from_bytes(content[-8:-4], "little")
        start = len(content) - 8 - length
        if content[-4:] != MAGIC or start < 0 or length > LARGEST_HEADER:
            raise ValueError("the footer is missing or huge")
        footer = Compact(content, start, len(content) - 8).struct()
        groups = lists(footer, 4)
        columns = [lists(group, 1) for group in groups]
        if 8 in footer or any({8, 9} & set(chunk) for chunks in columns for chunk in chunks):
            raise ValueError("the file is encrypted")
        counts = [number(footer, 3, I64), sum(number(group, 3, I64) for group in groups)]
        values: dict[int, int] = {}
        for chunks in columns:
            for index, chunk in enumerate(chunks):
                values[index] = values.get(index, 0) + number(struct(chunk, 3), 5, I64)
        unpacked = 0
        for chunk in chain(*columns):
            unpacked += _chunk(content, struct(chunk, 3))
            if unpacked > most:
                break
        return max(*counts, *values.values()), unpacked


def _chunk(content: mmap, facts: Struct) -> int:
    """Return the decompressed bytes of a column chunk's pages and headers; a chunk without values is not read."""
    values, at = number(facts, 5, I64), number(facts, 9, I64)
    if not values:
        return 0
    if 11 in facts and 0 < number(facts, 11, I64) < at:  # the dictionary page comes first
        at = number(facts, 11, I64)
    end = at + number(facts, 7, I64)
    if end > len(content):
        raise ValueError("a column chunk lies outside the file")
    total = 0
    while at < end:
        reader = Compact(content, at, min(end, at + LARGEST_HEADER))
        header = reader.struct()
        size, packed = number(header, 2, I32), number(header, 3, I32)
        # data page, data page v2, dictionary page: the field of its encoding, and how many values it may have
        for field, encoding, most in ((5, 2, values), (8, 4, values), (7, 2, size)):
            if field not in header:
                continue
            kind = struct(header, field)
            if number(kind, 1, I32) > most:
                raise ValueError("a page has more values than its column chunk")
            if number(kind, encoding, I32) not in BOUNDED:
                raise ValueError(f"encoding {number(kind, encoding, I32)} can decode to any size; write plain pages")
        total += reader.at - at + max(size, packed)
        at = reader.at + packed
    return total
