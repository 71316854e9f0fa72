"""How many rows a Parquet file has and what it unpacks to, added up from its pages: its footer may say anything.

A reader unpacks page by page, each into as many bytes as the page's own header says, and fails where they are others.
So the sum over the headers holds whatever the footer claims. Both are read here as the format has them
(https://github.com/apache/parquet-format: FileMetaData, PageHeader). pyarrow's own view of a damaged footer can end the
process.
"""

from __future__ import annotations

from itertools import chain
from mmap import ACCESS_READ, mmap
from pathlib import Path

from .thrift_compact import I32, I64, Compact, Struct, lists, number, struct

MAGIC = b"PAR1"
LARGEST_HEADER = 16 << 20  # bytes, of a page's header and of the footer
# plain, the two of dictionaries, run lengths, lengths apart, bytes apart: what these unpack to is about as large as the
# page. Not so prefixes (7), by which each row can repeat all of the one before
BOUNDED = (0, 2, 3, 6, 8, 9)


def parquet_bounds(path: Path, most: int) -> tuple[int, int]:
    """Returns how many rows a file has, the most that any part of it says, and how many bytes all its pages unpack to.

    Args:
        path: The file.
        most: Bytes after which there is no need to go on: a footer can name the same pages a million times.

    Raises:
        ValueError: It is no Parquet, damaged, encrypted, or encoded so that it may unpack to any size.
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        length = int.from_bytes(content[-8:-4], "little")
        start = len(content) - 8 - length
        if content[-4:] != MAGIC or start < 0 or length > LARGEST_HEADER:
            raise ValueError("it has no footer, or a huge one")
        footer = Compact(content, start, len(content) - 8).struct()
        groups = lists(footer, 4)
        columns = [lists(group, 1) for group in groups]
        if 8 in footer or any({8, 9} & set(chunk) for chunks in columns for chunk in chunks):
            raise ValueError("it is encrypted")
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
    """Returns how many bytes a column's pages in a row group unpack to, headers too; of no values, none is read."""
    values, at = number(facts, 5, I64), number(facts, 9, I64)
    if not values:
        return 0
    if 11 in facts and 0 < number(facts, 11, I64) < at:  # its dictionary comes first
        at = number(facts, 11, I64)
    end = at + number(facts, 7, I64)
    if end > len(content):
        raise ValueError("a column lies outside of the file")
    total = 0
    while at < end:
        reader = Compact(content, at, min(end, at + LARGEST_HEADER))
        header = reader.struct()
        size, packed = number(header, 2, I32), number(header, 3, I32)
        # a page, one in the second form, a dictionary: where its encoding stands, and how many values it may have
        for field, encoding, most in ((5, 2, values), (8, 4, values), (7, 2, size)):
            if field not in header:
                continue
            kind = struct(header, field)
            if number(kind, 1, I32) > most:
                raise ValueError("a page has more values than its column")
            if number(kind, encoding, I32) not in BOUNDED:
                raise ValueError(f"encoding {number(kind, encoding, I32)} may unpack to any size; write plain pages")
        total += reader.at - at + max(size, packed)
        at = reader.at + packed
    return total
