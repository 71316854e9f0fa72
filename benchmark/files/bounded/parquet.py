"""Parquet as plain columns: decoded in the child, and put together again, and checked, in the parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .child import ReadingError, call
from .limits import Limits

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["text", "float32", "integer", "bool"]
SEEN_NAMES = 50  # columns of a file of other columns that are handed back, for the message
LONGEST_NAME = 200  # characters
FOOTER, FOOTER_OF_CHUNK = 1 << 16, 1 << 10  # bytes of an honest footer, by its column chunks


@dataclass(frozen=True)
class Request:
    """What is asked of a file.

    Args:
        path: The file.
        columns: Name of each column -> its kind; others are not read.
        optional: Those that may be missing.
        ordered: Whether the columns must stand in this order.
        cast: Whether numbers in a column of text become text.
        rows: The most rows.
    """

    path: str
    columns: Mapping[str, Kind]
    rows: int
    optional: Sequence[str] = ()
    ordered: bool = True
    cast: bool = False


@dataclass(frozen=True)
class Texts:
    """A column of text: each row is one of few values, or of many.

    Args:
        values: Different values, in no order.
        codes: (n,) index of each row's value.
    """

    values: list[str]
    codes: NDArray[np.int32]


@dataclass(frozen=True)
class Found:
    """A file as it was found.

    Args:
        rows: Number of rows, or the largest that its footer names.
        hidden: Bytes that belong neither to a column nor to the footer.
        kinds: Type of each column, in the order of the file.
        columns: Arrays and texts by name; empty if the columns or the number of rows are not those asked for.
        empty: Names of columns with empty cells.
    """

    rows: int
    hidden: int
    kinds: dict[str, str]
    columns: dict[str, Any]
    empty: list[str]


def read_parquet(request: Request, limits: Limits) -> Found:
    """Read the columns of a file in a child.

    Raises:
        ReadingError: It is damaged, or takes more than its limits.
    """
    found = call(decode, request, limits)
    try:
        return _checked(found, request)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, UnicodeDecodeError) as error:
        raise ReadingError("crashes its reader: the file is damaged, or made to do harm", "crash") from error


def decode(request: Request) -> dict[str, object]:
    """Read the columns of a file; runs in the child."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    path = Path(request.path)
    with path.open("rb") as file:
        start = file.read(4)
    if start not in (b"PAR1", b"PARE"):
        raise ValueError("it is not Parquet")
    meta = pq.read_metadata(path)
    texts = [name for name, kind in request.columns.items() if kind == "text" and name in meta.schema.names]
    # dictionaries stay encoded: a long string repeated a million times is held once
    with pq.ParquetFile(path, metadata=meta, read_dictionary=texts, pre_buffer=False) as file:
        schema = file.schema_arrow
        rows, hidden = _counted(meta, path.stat().st_size)
        kinds = {name[:LONGEST_NAME]: str(schema.field(at).type)[:LONGEST_NAME] for at, name in _first(schema.names)}
        answer: dict[str, object] = {"rows": rows, "hidden": hidden, "kinds": kinds, "columns": {}, "empty": []}
        if rows > request.rows or not _as_asked(schema, request):
            return answer
        table = file.read(columns=schema.names, use_threads=False)
    table.validate(full=True)  # a damaged page can point beyond its dictionary, or hold invalid UTF-8
    if len(table) > request.rows:
        return {**answer, "rows": len(table)}
    answer["empty"] = [name for name in table.column_names if table[name].null_count]
    if not answer["empty"]:
        answer["columns"] = {name: _plain(table[name], request.columns[name]) for name in table.column_names}
    return answer


def _first(names: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(names[:SEEN_NAMES]))


def _counted(meta: Any, size: int) -> tuple[int, int]:  # noqa: ANN401 - pyarrow has no types
    """Return the largest number of rows that the footer names, and the bytes that no part of the file accounts for."""
    chunks = meta.num_row_groups * meta.num_columns
    rows, held = [meta.num_rows], min(meta.serialized_size, FOOTER + FOOTER_OF_CHUNK * chunks) + 12
    total = 0
    values: dict[int, int] = {}
    for group in (meta.row_group(index) for index in range(meta.num_row_groups)):
        total += group.num_rows
        for index in range(group.num_columns):
            chunk = group.column(index)
            values[index] = values.get(index, 0) + chunk.num_values
            held += chunk.total_compressed_size
    return max(*rows, total, *values.values(), 0), max(0, size - held)


def _as_asked(schema: pa.Schema, request: Request) -> bool:
    """Tell whether the columns are those asked for; what is not is said by the caller, who knows what they are."""
    needed = [name for name in request.columns if name not in request.optional]
    have = list(schema.names)
    if request.ordered and have not in (needed, list(request.columns)):
        return False
    if not request.ordered and sorted(have) not in (sorted(needed), sorted(request.columns)):
        return False
    loose = [name for name in have if request.cast and request.columns[name] == "text"]
    return all(name in loose or is_kind(str(schema.field(name).type), request.columns[name]) for name in have)


def value_type(name: str) -> str:
    """Return the type of the values of a column, by the name of its type, whether they are encoded or not."""
    return name.removeprefix("dictionary<values=").partition(",")[0] if name.startswith("dictionary<") else name


def is_kind(name: str, kind: Kind) -> bool:
    """Tell whether a type of Arrow, by its name, is of a kind."""
    if kind == "text":
        return value_type(name) in ("string", "large_string", "string_view")
    if kind == "integer":
        return name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    return name == {"float32": "float", "bool": "bool"}[kind]


def _plain(column: pa.ChunkedArray, kind: Kind) -> object:
    import pyarrow as pa

    if kind == "float32":
        return _numbers(column, np.dtype(np.float32))
    if kind == "bool":
        return _numbers(column.cast(pa.uint8()), np.dtype(np.uint8)).astype(np.bool_)
    if kind == "integer":
        return _numbers(column.cast(pa.int64()), np.dtype(np.int64))
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # a column without chunks, or with several
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], pa.string()).dictionary_encode()
    values = [str(value).encode() for value in whole.dictionary.to_pylist()]
    ends = np.cumsum([len(value) for value in values], dtype=np.int64)
    codes = _numbers(pa.chunked_array([whole.indices.cast(pa.int32())]), np.dtype(np.int32))
    return {"bytes": np.frombuffer(b"".join(values), np.uint8), "ends": ends, "codes": codes}


def _numbers(column: pa.ChunkedArray, kind: np.dtype[Any]) -> NDArray[Any]:
    """Take the numbers of a column without empty cells out of its memory: pyarrow's way imports pandas, for 0.3 s."""
    size = kind.itemsize
    parts = [
        np.frombuffer(chunk.buffers()[1], kind, len(chunk), chunk.offset * size)
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _checked(found: Any, request: Request) -> Found:  # noqa: ANN401 - whatever the child said
    """Check everything that a child handed back."""
    rows, hidden, kinds, given = found["rows"], found["hidden"], found["kinds"], found["columns"]
    empty = [name for name in found["empty"] if name in request.columns]
    if type(rows) is not int or type(hidden) is not int or not all(isinstance(v, str) for v in kinds.values()):
        raise TypeError
    if not set(given) <= set(request.columns) or (given and set(request.columns) - set(given) - set(request.optional)):
        raise KeyError
    columns: dict[str, Any] = {}
    for name, value in given.items():
        kind = request.columns[name]
        column = _texts(value) if kind == "text" else value
        array = column.codes if isinstance(column, Texts) else column
        wanted = {"text": np.int32, "float32": np.float32, "bool": np.bool_, "integer": np.int64}[kind]
        if array.ndim != 1 or array.dtype != wanted:
            raise TypeError
        columns[name] = column
    lengths = {len(c.codes) if isinstance(c, Texts) else len(c) for c in columns.values()}
    if len(lengths) > 1 or any(length > request.rows for length in lengths):
        raise ValueError
    return Found(rows, hidden, dict(kinds), columns, empty)


def _texts(value: Any) -> Texts:  # noqa: ANN401
    raw, ends, codes = value["bytes"], value["ends"], value["codes"]
    if raw.dtype != np.uint8 or ends.dtype != np.int64 or codes.dtype != np.int32 or codes.ndim != 1:
        raise TypeError
    bounds = np.concatenate([[0], ends])
    if (np.diff(bounds) < 0).any() or bounds[-1] != len(raw):
        raise ValueError
    if len(codes) and not (codes.min() >= 0 and codes.max() < len(ends)):
        raise IndexError
    content, cuts = raw.tobytes(), bounds.tolist()
    if content.isascii():
        text = content.decode("ascii")
        return Texts([text[a:b] for a, b in pairwise(cuts)], codes)
    return Texts([content[a:b].decode() for a, b in pairwise(cuts)], codes)
