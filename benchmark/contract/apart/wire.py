"""Messages between a run and the process of its method: a head in JSON, then arrays as they lie in memory.

Nothing is pickled: whoever reads a message runs no code of whoever wrote it. A reader says which arrays it takes before
a byte of them is read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError

LONGEST_HEAD = 32 << 20  # bytes: ten thousand evaluations of a curve, or the groups of many images, take less
LENGTH = struct.Struct("<I")
KINDS = ("uint8", "uint16", "int64", "float32")

Shape: TypeAlias = tuple[int, ...]
Taken: TypeAlias = Callable[[Sequence[tuple[str, Shape]]], bool]


class BrokenWire(MedshiftError):
    """What came is not a message."""


@dataclass(frozen=True)
class Message:
    """One message.

    Args:
        kind: What it is.
        fields: The rest of its head.
        arrays: What follows the head.
    """

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    arrays: tuple[NDArray[Any], ...] = ()


def no_arrays(arrays: Sequence[tuple[str, Shape]]) -> bool:
    """Take a message without arrays only."""
    return not arrays


def any_arrays(arrays: Sequence[tuple[str, Shape]]) -> bool:
    """Take what comes: for the process of the method, which the run started."""
    return True


class Wire:
    """Two ends of pipes.

    Args:
        source: What comes in.
        sink: What goes out.
    """

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self.source, self.sink = source, sink

    def send(self, kind: str, arrays: Sequence[NDArray[Any]] = (), **fields: object) -> None:
        """Send a message; numbers that JSON lacks (NaN) are kept, as Python writes them."""
        plain = [np.ascontiguousarray(array) for array in arrays]
        listed = [[array.dtype.name, list(array.shape)] for array in plain]
        head = json.dumps({"kind": kind, "arrays": listed, "fields": fields}, default=_plain).encode()
        self.sink.write(LENGTH.pack(len(head)) + head)
        for array in plain:
            if array.nbytes:
                self.sink.write(array.data.cast("B"))
        self.sink.flush()

    def receive(self, taken: Taken = no_arrays) -> Message | None:
        """Wait for a message; None at the end.

        Args:
            taken: Given name of type and shape of each array, says whether they are read.

        Raises:
            BrokenWire: What came is not a message, or has other arrays.
        """
        size = self._exactly(LENGTH.size)
        if size is None:
            return None
        (length,) = LENGTH.unpack(size)
        if length > LONGEST_HEAD:
            raise BrokenWire(f"a message with a head of {length:,} bytes")
        text = self._exactly(length)
        try:
            head = json.loads(text or b"")
            kind, fields = head["kind"], head["fields"]
            listed = [(str(name), tuple(shape)) for name, shape in head["arrays"]]
            right = isinstance(kind, str) and isinstance(fields, dict)
            right &= all(name in KINDS and all(type(n) is int and n >= 0 for n in shape) for name, shape in listed)
        except (ValueError, TypeError, KeyError, RecursionError):
            right = False
        if not right:
            raise BrokenWire("a message without a head")
        if not taken(listed):
            raise BrokenWire(f"a message {kind[:40]!r} with other arrays than were asked for")
        return Message(kind, fields, tuple(self._array(name, shape) for name, shape in listed))

    def _array(self, name: str, shape: Shape) -> NDArray[Any]:
        made = np.empty(shape, dtype=name)
        if made.nbytes and not self._fill(made.data.cast("B")):
            raise BrokenWire("a message that ends too early")
        return made

    def _exactly(self, size: int) -> bytes | None:
        """Read a number of bytes; None at the end of the pipe."""
        buffer = bytearray(size)
        return bytes(buffer) if self._fill(memoryview(buffer)) else None

    def _fill(self, view: memoryview) -> bool:
        at = 0
        while at < len(view):
            got = self.source.readinto(view[at:])  # type: ignore[attr-defined]  # every binary file has it
            if not got:
                return False
            at += got
        return True


def _plain(number: Any) -> Any:  # noqa: ANN401 - of NumPy or torch
    """Turn a number of NumPy or torch into Python's, as a method may have noted it."""
    return number.item()
