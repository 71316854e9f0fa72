"""How parent and child talk: the parent's requests are pickled, the child's answers are plain and checked again.

An answer is JSON, followed by the bytes of its arrays. Nothing in it can name code: a reader that a hostile file has
taken over can give wrong numbers, and no more of them than were asked for.
"""

from __future__ import annotations

import json
import math
import pickle
import struct
from typing import IO, Any

import numpy as np

LENGTH = struct.Struct("<Q")
ARRAY = "\0array"
DTYPES = ("bool", "uint8", "uint16", "int32", "int64", "float32", "float64")
MOST_DIMENSIONS = 8
MOST_ARRAYS = 100_000


class Malformed(Exception):
    """An answer that no honest reader gives."""


class Oversized(Exception):
    """An answer of more bytes than were asked for."""


def send_request(stream: IO[bytes], request: object) -> None:
    """Write a request; only the parent does, which the child trusts."""
    content = pickle.dumps(request, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(LENGTH.pack(len(content)) + content)
    stream.flush()


def receive_request(stream: IO[bytes]) -> Any:  # noqa: ANN401
    """Read a request; EOFError if the parent has gone."""
    return pickle.loads(_exactly(stream, LENGTH.unpack(_exactly(stream, LENGTH.size))[0]))


def send_answer(stream: IO[bytes], kind: str, value: object) -> None:
    """Write an answer of a kind: a value of plain types and arrays, an error, or the end."""
    arrays: list[np.ndarray[Any, Any]] = []
    plain = _plain(value, arrays)
    shapes = [[array.dtype.name, list(array.shape)] for array in arrays]
    head = json.dumps([kind, plain, shapes], ensure_ascii=False).encode("utf-8", "surrogatepass")
    stream.write(LENGTH.pack(len(head)) + head)
    for array in arrays:
        stream.write(np.ascontiguousarray(array).data)
    stream.flush()


def receive_answer(stream: IO[bytes], most: int) -> tuple[str, Any]:
    """Read an answer of at most `most` bytes.

    Raises:
        EOFError: The child has gone.
        Oversized: It has more bytes.
        Malformed: It is not an answer.
    """
    length = LENGTH.unpack(_exactly(stream, LENGTH.size))[0]
    if length > most:
        raise Oversized
    head = _exactly(stream, length)
    try:
        kind, plain, shapes = json.loads(head.decode("utf-8", "surrogatepass"))
        if not isinstance(kind, str) or len(shapes) > MOST_ARRAYS:
            raise Malformed
        arrays = []
        for name, shape in shapes:
            size = _bytes(name, shape)
            length += size
            if length > most:
                raise Oversized
            arrays.append(np.frombuffer(bytearray(_exactly(stream, size)), dtype=name).reshape(shape))
        return kind, _filled(plain, arrays)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise Malformed from error


def _bytes(name: object, shape: object) -> int:
    """Return how many bytes an announced array has."""
    if name not in DTYPES or not isinstance(shape, list) or len(shape) > MOST_DIMENSIONS:
        raise Malformed
    if not all(type(length) is int and 0 <= length < 1 << 40 for length in shape):
        raise Malformed
    return math.prod(shape) * np.dtype(str(name)).itemsize


def _plain(value: object, arrays: list[np.ndarray[Any, Any]]) -> object:
    if isinstance(value, np.ndarray):
        if value.dtype.name not in DTYPES:
            raise TypeError(f"arrays of {value.dtype} are not handed over")
        arrays.append(value)
        return {ARRAY: len(arrays) - 1}
    if isinstance(value, dict):
        return {str(name): _plain(each, arrays) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, arrays) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _filled(plain: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:  # noqa: ANN401
    """Put the arrays where they are named."""
    if isinstance(plain, dict):
        if ARRAY in plain:
            return arrays[plain[ARRAY]]
        return {name: _filled(each, arrays) for name, each in plain.items()}
    if isinstance(plain, list):
        nested = any(isinstance(each, dict | list) for each in plain)
        return [_filled(each, arrays) for each in plain] if nested else plain
    return plain


def _exactly(stream: IO[bytes], count: int) -> bytes:
    """Read a number of bytes; EOFError if the other side has gone."""
    content = stream.read(count)
    if content is None or len(content) < count:
        raise EOFError
    return content
