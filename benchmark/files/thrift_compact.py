"""Reads Thrift's compact protocol, in which Parquet describes itself: numbers, structures and lists of structures.

What a careful reader and a careless one could take for different things is refused: a field that is there twice, or of
another kind than asked for.
"""

from __future__ import annotations

from mmap import mmap
from typing import TypeAlias

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
DEEPEST = 16  # structures within structures
Value: TypeAlias = "int | Struct | list[Value] | None"
Struct: TypeAlias = dict[int, tuple[int, Value]]  # number of the field -> its kind and value


class Compact:
    """Reads from `at` to `end`; what is cut off there, or has no meaning, raises ValueError."""

    def __init__(self, content: mmap | bytes, at: int, end: int) -> None:
        self.content, self.at, self.end = content, at, end

    def struct(self, depth: int = 0) -> Struct:
        """Returns the fields of a structure; of text, maps and fractions None."""
        found: Struct = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            if not 0 < field < 1 << 15:  # others keep sixteen bits of it
                raise ValueError("a field has no number")
            if field in found:
                raise ValueError("a field is there twice")
            found[field] = kind, None if kind in (TRUE, FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Value:
        """Returns a value and goes past it."""
        if depth > DEEPEST:
            raise ValueError("structures are too deep")
        if kind in (TRUE, FALSE, BYTE):
            return self._byte()
        if kind in (I16, I32, I64):
            return self._signed()
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in (LIST, SET):
            head = self._byte()
            count = self._unsigned() if head >> 4 == 15 else head >> 4
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        if kind == DOUBLE:
            self._skip(8)
        elif kind == BINARY:
            self._skip(self._unsigned())
        elif kind == MAP:
            count = self._unsigned()
            kinds = self._byte() if count else 0
            for _ in range(count):
                self._value(kinds >> 4, depth + 1)
                self._value(kinds & 15, depth + 1)
        else:
            raise ValueError("a field is of an unknown kind")
        return None

    def _byte(self) -> int:
        self._skip(1)
        return self.content[self.at - 1]

    def _skip(self, count: int) -> None:
        if self.at + count > self.end:
            raise ValueError("it is cut off")
        self.at += count

    def _unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number has no end")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)


def number(fields: Struct, field: int, kind: int) -> int:
    """Returns a number of kind I32 or I64; one that is missing, negative or too large raises ValueError."""
    there, value = fields.get(field, (0, None))
    if there != kind or not isinstance(value, int) or not 0 <= value < 2 ** (31 if kind == I32 else 63):
        raise ValueError("a number is missing or damaged")
    return value


def struct(fields: Struct, field: int) -> Struct:
    """Returns a structure; one that is missing raises ValueError."""
    _, value = fields.get(field, (0, None))
    if not isinstance(value, dict):
        raise ValueError("a structure is missing")
    return value


def lists(fields: Struct, field: int) -> list[Struct]:
    """Returns a list of structures; one that is missing, or of anything else, raises ValueError."""
    there, value = fields.get(field, (0, None))
    if there != LIST or not isinstance(value, list):
        raise ValueError("a list is missing")
    found = [one for one in value if isinstance(one, dict)]
    if len(found) < len(value):  # others would take its elements for structures
        raise ValueError("a list is of another kind")
    return found
