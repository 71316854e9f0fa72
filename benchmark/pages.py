"""What a Parquet file unpacks to, added up from its pages: its footer may say anything.

A reader unpacks page by page, each into as many bytes as the page's own header says, and fails where they are others.
So the sum over the headers holds whatever the footer claims. They are read here as the format has them: PageHeader of
https://github.com/apache/parquet-format in Thrift's compact protocol.
"""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TypeAlias

import pyarrow.parquet as pq

# plain, the two of dictionaries, run lengths, lengths apart, bytes apart: what these unpack to is about as large as the
# page. Not so prefixes (7), by which each row can repeat all of the one before
BOUNDED = (0, 2, 3, 6, 8, 9)
UNPACKED, PACKED, PLAIN, DICTIONARY, SECOND = 2, 3, 5, 7, 8  # fields of a PageHeader
DEEPEST = 8  # structures within structures
Struct: TypeAlias = dict[int, "int | Struct"]


def rows(metadata: pq.FileMetaData) -> int:
    """Returns how many rows a file has, the most that any part of its footer says."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    counts = [metadata.num_rows, sum(group.num_rows for group in groups)]
    counts += [sum(group.column(index).num_values for group in groups) for index in range(metadata.num_columns)]
    return int(max(counts))


def unpacked(path: Path, metadata: pq.FileMetaData) -> int:
    """Returns how many bytes all pages of a file unpack to.

    Raises:
        ValueError: A page is damaged, or encoded so that it may unpack to any size.
    """
    total = 0
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        for group in range(metadata.num_row_groups):
            for column in range(metadata.num_columns):
                total += _chunk(content, metadata.row_group(group).column(column))
    return total


def _chunk(content: mmap, chunk: pq.ColumnChunkMetaData) -> int:
    """Returns how many bytes the pages of a column in a row group unpack to; of no values, no page is read."""
    if not chunk.num_values:
        return 0
    at = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    end = at + chunk.total_compressed_size
    if not 0 <= at <= end <= len(content):
        raise ValueError("a column lies outside of the file")
    total = 0
    while at < end:
        reader = _Compact(content, at, end)
        header = reader.struct()
        size, packed = _number(header, UNPACKED), _number(header, PACKED)
        for field, encoding, most in (
            (PLAIN, 2, chunk.num_values),
            (SECOND, 4, chunk.num_values),
            (DICTIONARY, 2, size),
        ):
            kind = header.get(field)
            if kind is None:
                continue
            if not isinstance(kind, dict) or _number(kind, 1) > most:
                raise ValueError("a page has more values than its column")
            if _number(kind, encoding) not in BOUNDED:
                raise ValueError(
                    f"encoding {_number(kind, encoding)} may unpack to any size; write plain or dictionary"
                )
        total += max(size, packed)
        at = reader.at + packed
    return total


def _number(fields: Struct, name: int) -> int:
    found = fields.get(name)
    if not isinstance(found, int) or not 0 <= found < 2**31:
        raise ValueError("a page has a damaged header")
    return found


class _Compact:
    """Reads Thrift's compact protocol from `at` to `end`; what is cut off or twice there raises ValueError."""

    def __init__(self, content: mmap, at: int, end: int) -> None:
        self.content, self.at, self.end = content, at, end

    def struct(self, depth: int = 0) -> Struct:
        """Returns the fields of a structure by number; of those that are no integer and no structure nothing."""
        found: Struct = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            value = None if kind in (1, 2) else self._value(kind, depth)  # truth is in the kind itself
            if number in found:
                raise ValueError("a page header has a field twice")
            if value is not None:
                found[number] = value
        return found

    def _value(self, kind: int, depth: int) -> int | Struct | None:
        """Returns a value of a kind if it is an integer or a structure, and goes past it."""
        if depth > DEEPEST:
            raise ValueError("a page header is too deep")
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 12:
            return self.struct(depth + 1)
        if kind == 7:
            self._skip(8)
        elif kind == 8:
            self._skip(self._unsigned())
        elif kind in (9, 10):
            head = self._byte()
            for _ in range(self._unsigned() if head >> 4 == 15 else head >> 4):
                self._value(head & 15, depth + 1)
        else:  # the format has nothing else
            raise ValueError("a page header has a field of an unknown kind")
        return None

    def _byte(self) -> int:
        self._skip(1)
        return self.content[self.at - 1]

    def _skip(self, count: int) -> None:
        if self.at + count > self.end:
            raise ValueError("a page header is cut off")
        self.at += count

    def _unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a page header has a number without end")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
