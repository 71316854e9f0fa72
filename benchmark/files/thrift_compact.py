"""A bounded reader of Thrift's compact protocol, which encodes Parquet's metadata: integers, structs, lists of structs.

Anything that two readers could interpret differently is refused: a repeated field, or a field of another type.
"""

from __future__ import annotations

from mmap import mmap
from typing import TypeAlias

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
DEEPEST = 16  # levels of nested structs
Value: TypeAlias = "int | Struct | list[Value] | None"
Struct: TypeAlias = dict[int, tuple[int, Value]]  # field id -> type and value


class Compact:
    """A reader of the bytes from `at` to `end`; raises ValueError where they are truncated or invalid."""

    def __init__(self, content: mmap | bytes, at: int, end: int) -> None:
        self.content, self.at, self.end = content, at, end

    def struct(self, depth: int = 0) -> Struct:
        """Read a struct; the values of binary fields, maps and doubles are skipped and given as None."""
        found: Struct = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            if not 0 < field < 1 << 15:  # other readers keep sixteen bits of it
                raise ValueError("invalid field id")
            if field in found:
                raise ValueError("repeated field")
            found[field] = kind, None if kind in (TRUE, FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Value:
        """Read a value and move past it."""
        if depth > DEEPEST:
            raise ValueError("structs are nested too deeply")
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
            raise ValueError("unknown field type")
        return None

    def _byte(self) -> int:
        self._skip(1)
        return self.content[self.at - 1]

    def _skip(self, count: int) -> None:
        if self.at + count > self.end:
            raise ValueError("truncated")
        self.at += count

    def _unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("an integer has no end")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)


def number(fields: Struct, field: int, kind: int) -> int:
    """Return a field of type I32 or I64; raise ValueError if it is missing, negative or too large."""
    found, value = fields.get(field, (0, None))
    if found != kind or not isinstance(value, int) or not 0 <= value < 2 ** (31 if kind == I32 else 63):
        raise ValueError("an integer is missing or damaged")
    return value


def struct(fields: Struct, field: int) -> Struct:
    """Return a struct field; raise ValueError if it is missing."""
    _, value = fields.get(field, (0, None))
    if not isinstance(value, dict):
        raise ValueError("a struct is missing")
    return value


def lists(fields: Struct, field: int) -> list[Struct]:
    """Return a list of structs; raise ValueError if it is missing or holds anything else."""
    kind, value = fields.get(field, (0, None))
    if kind != LIST or not isinstance(value, list):
        raise ValueError("a list is missing")
    found = [one for one in value if isinstance(one, dict)]
    if len(found) < len(value):  # other readers would take its elements for structs
        raise ValueError("a list holds another type")
    return found
