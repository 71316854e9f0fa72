"""`predictions.parquet`: class probabilities of every sample under every condition, keyed by sample id.

A model may refuse images. Their rows have True in a column `rejected`, which is absent where none is refused, and 1 / K
for every class, so that nothing else is stored of them. What is read of a refused image is a wrong answer
(`scoring.refused`). `scoring.answered` scores without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError, near
from ..files.atomic import replace
from ..files.bounded.child import ReadingError
from ..files.bounded.limits import MIB, Limits
from ..files.bounded.parquet import Found, Kind, Request, is_kind, read_parquet, value_type
from ..files.wording import byte_size, plural
from ..protocols.protocol import Protocol
from ..scoring.refused import wrong_answers
from .expected import Expected

PREDICTIONS_FILE = "predictions.parquet"
KEYS = ("condition", "sample_id")
REJECTED = "rejected"  # column that is there only if a model refused images
SUM_TOLERANCE = 1e-3  # rounding error of float16 networks
LONGEST_KEY = 256  # bytes per row for its two keys that a reader may hand back; those of a protocol are far shorter
LISTED = 3  # conditions with the same fault that are listed one by one
FAULTS = {  # of one condition -> of several
    "is missing": "are missing",
    "lacks": "lack samples",
    "repeats": "repeat samples",
    "must not contain": "hold samples of other splits",
}
SLACK = 1 << 20  # bytes of a file beyond its rows
HIDDEN = 1 << 16  # bytes of a file that may belong to no column: an index of its pages, say
BASE = 128 * MIB  # of memory, for libraries and one page


@dataclass(frozen=True)
class _Rows:
    """The rows of a file as indices of condition and sample among the expected ones, -1 where unknown.

    `rejected` says which images were refused, `marked` whether there is such a column.
    """

    condition: NDArray[np.int64]
    sample: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    rejected: NDArray[np.bool_]
    marked: bool

    def taken(self, order: NDArray[np.int64]) -> _Rows:
        """Return these rows in another order."""
        rest = self.probabilities[order], self.rejected[order], self.marked
        return _Rows(self.condition[order], self.sample[order], *rest)


@dataclass(frozen=True)
class Inspected:
    """A file of predictions, read without trust.

    Args:
        problems: All problems of the file.
        arrays: Key of the condition -> probabilities (n, K) in the order of `truth_of`; empty if there are problems.
        rejected: Key of each condition with refused images -> (n,) which these are.
    """

    problems: list[str]
    arrays: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    rejected: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def refused(self) -> dict[str, int]:
        """Number of refused images by condition, of those that have any."""
        return {key: int(which.sum()) for key, which in self.rejected.items()}


def columns(classes: int) -> list[str]:
    """Return the columns of a file: the two keys, then `p0`, `p1`, ..."""
    return [*KEYS, *(f"p{index}" for index in range(classes))]


def write(
    parts: Mapping[str, tuple[Sequence[str], NDArray[np.float32]]], path: Path, *, rejections: bool = False
) -> None:
    """Write predictions, sorted and atomically: the same content gives the same bytes, in any order.

    Args:
        parts: Key of a condition -> (sample ids, probabilities (n, K)).
        path: The file; its folder is created.
        rejections: A row of NaN stands for an image that the model refused.

    Raises:
        MedshiftError: A part has different numbers of ids and rows, or of columns than the others.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    widths = {probabilities.shape[1:] for _, probabilities in parts.values()}
    lengths = [key for key, (ids, probabilities) in parts.items() if len(ids) != len(probabilities)]
    if lengths or len(widths) != 1 or len(next(iter(widths))) != 1:
        raise MedshiftError(f"predictions do not match in shape: {lengths or sorted(widths)}")
    conditions: list[str] = []
    samples: list[str] = []
    blocks: list[NDArray[np.float32]] = []
    for key, (ids, probabilities) in sorted(parts.items()):
        order = sorted(range(len(ids)), key=ids.__getitem__)
        conditions += [key] * len(ids)
        samples += [str(ids[row]) for row in order]
        blocks.append(np.asarray(probabilities, dtype=np.float32)[order])
    values = np.concatenate(blocks)
    names = columns(values.shape[1])
    refused = np.isnan(values).all(axis=1) & rejections
    values[refused] = 1 / values.shape[1]
    arrays = [pa.array(conditions, pa.string()), pa.array(samples, pa.string())]
    arrays += [pa.array(np.ascontiguousarray(column), pa.float32()) for column in values.T]
    if refused.any():
        names, arrays = [*names, REJECTED], [*arrays, pa.array(refused)]
    table = pa.Table.from_arrays(arrays, names=names)
    with replace(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", use_dictionary=list(KEYS))


def read(path: Path, protocol: Protocol, truth: pd.DataFrame) -> dict[str, NDArray[np.float32]]:
    """Read the probabilities (n, K) of every condition, in the order of `truth_of`.

    Raises:
        MedshiftError: Anything is missing, superfluous or not a probability; one line with the first problem.
    """
    return read_all(path, protocol, truth).arrays


def read_all(path: Path, protocol: Protocol, truth: pd.DataFrame) -> Inspected:
    """Read the probabilities of every condition, and which images were refused.

    Raises:
        MedshiftError: As `read`.
    """
    seen = inspect(path, protocol, Expected.of(protocol, truth))
    if seen.problems:
        more = f" (and {len(seen.problems) - 1} more)" if len(seen.problems) > 1 else ""
        raise MedshiftError(f"{path}: {seen.problems[0]}{more}")
    return seen


def problems(path: Path, protocol: Protocol, truth: pd.DataFrame) -> list[str]:
    """List everything wrong with a file of predictions."""
    return inspect(path, protocol, Expected.of(protocol, truth)).problems


def inspect(path: Path, protocol: Protocol, expected: Expected) -> Inspected:
    """Return the problems of a file and, if there are none, what it holds."""
    names = columns(len(protocol.dataset.classes))
    total = expected.rows
    kinds: dict[str, Kind] = {name: "text" if name in KEYS else "float32" for name in names}
    asked = Request(str(path), {**kinds, REJECTED: "bool"}, total, optional=(REJECTED,))
    try:
        read = read_parquet(asked, limits(total, len(names)))
    except ReadingError as error:
        return Inspected([f"{error}; refused" if error.exceeds else f"cannot be read as Parquet: {error}"[:300]])
    found = list(_shape_problems(read, names, total))
    if found:
        return Inspected(found)
    rows = _rows(read, expected)
    if isinstance(rows, list):
        return Inspected(rows)
    found = list(_value_problems(rows, expected))
    by_fault: dict[str, list[str]] = {}
    seen = Inspected(found)
    # one key and a sort that gains from runs: an honest file is sorted within each condition
    order = np.argsort(rows.condition * len(expected.samples) + rows.sample, kind="stable")
    ordered = rows.taken(order)
    starts = np.searchsorted(ordered.condition, np.arange(len(expected.keys) + 1))
    for position, (key, wanted) in enumerate(expected.places.items()):
        own = slice(starts[position], starts[position + 1])
        for fault, text in _id_problems(key, ordered.sample[own], wanted, expected):
            by_fault.setdefault(fault, []).append(text)
        _take(seen, key, ordered, own, expected)
    for fault, texts in by_fault.items():
        found += texts if len(texts) <= LISTED else [f"{len(texts)} conditions {FAULTS[fault]}; the first: {texts[0]}"]
    return Inspected(found) if found else seen


def limits(rows: int, columns: int) -> Limits:
    """Bound what a file of predictions may take, by the size of its contest."""
    return Limits(
        memory=BASE + rows * (64 + 16 * columns),
        seconds=10 + 1e-6 * rows * columns,
        output=MIB + rows * (LONGEST_KEY + 4 * columns),
    )


def _take(seen: Inspected, key: str, rows: _Rows, own: slice, expected: Expected) -> None:
    """Add a condition, in which a refused image is a wrong answer."""
    wanted = expected.places[key]
    values, rejected = rows.probabilities[own], rows.rejected[own]
    if rejected.any() and len(values) == len(wanted):
        values[rejected] = wrong_answers(expected.labels[wanted][rejected], values.shape[1])
        seen.rejected[key] = rejected
    seen.arrays[key] = values


def _shape_problems(read: Found, names: list[str], total: int) -> Iterator[str]:
    """Yield the problems of the columns, before a row is looked at."""
    if read.rows > total:
        yield f"has {read.rows} rows; the protocol requires {total}"
    if read.hidden > HIDDEN:
        yield f"holds {byte_size(read.hidden)} that belong to no column: write it with medshift again"
    if list(read.kinds) not in (names, [*names, REJECTED]):
        listed = ", ".join(list(read.kinds)[:12])[:200]
        yield f"has columns {listed}; they must be {names[0]}, {names[1]}, {names[2]} to {names[-1]}"
        return
    for name, kind in read.kinds.items():
        wanted: Kind = "bool" if name == REJECTED else "text" if name in KEYS else "float32"
        if not is_kind(kind, wanted):
            yield f"column {name} is {value_type(kind)}, not {'string' if wanted == 'text' else wanted}"
    yield from (f"column {name} has empty cells" for name in read.empty)


def _rows(read: Found, expected: Expected) -> _Rows | list[str]:
    """Index the rows of a file, or list its unknown conditions and samples."""
    found: list[str] = []
    codes = []
    for name, known in zip(KEYS, (expected.keys, expected.samples), strict=True):
        column = read.columns[name]
        values = column.values
        positions = np.append(known.get_indexer(pd.Index(values, dtype=known.dtype)), -1)
        code = positions[column.codes]
        codes.append(code.astype(np.int64))
        used = set(column.codes[code < 0].tolist())
        unknown = sorted(values[index] for index in used)
        hint = near(unknown[0][:80], list(expected.places)) if unknown and name == "condition" else ""
        if unknown:
            found.append(
                f"{plural(len(unknown), f'unknown {name}'.replace('_', ' '))}, e.g. {unknown[0][:80]!r}.{hint}"
            )
    values_ = np.stack([column for name, column in read.columns.items() if name not in (*KEYS, REJECTED)], axis=1)
    rejected = read.columns.get(REJECTED, np.zeros(len(values_), dtype=bool))
    return found or _Rows(codes[0], codes[1], values_, rejected, REJECTED in read.columns)


def _value_problems(rows: _Rows, expected: Expected) -> Iterator[str]:
    """Yield the problems of the probabilities, each with its first sample."""
    values = rows.probabilities
    # class by class: a reduction over rows of two or three cells is several times slower
    finite = bounded = np.ones(len(values), np.bool_)
    total = np.zeros(len(values))
    with np.errstate(invalid="ignore"):
        for column in values.T:
            finite = finite & np.isfinite(column)
            bounded = bounded & (column >= 0) & (column <= 1)
            total += column
        summing = np.abs(total - 1) <= SUM_TOLERANCE
    faults = {
        "are not finite": (~finite, "each must be a number; if a model refuses images, give --rejections"),
        "are outside [0, 1]": (finite & ~bounded, "give probabilities, not logits or percent"),
        "do not sum to 1": (finite & bounded & ~summing, "divide each row by its sum, or give more digits"),
    }
    if rows.marked and not rows.rejected.any():
        yield f"column {REJECTED} marks no row: leave it out"
    elsewhere = rows.rejected & (values != np.float32(1 / values.shape[1])).any(axis=1)
    faults["are marked as refused and differ from 1 / K"] = elsewhere, "an image that was refused has no answer"
    for what, (where, advice) in faults.items():
        if where.any():
            first = expected.samples[int(rows.sample[int(np.argmax(where))])]
            yield f"probabilities of {plural(int(where.sum()), 'row')} {what}, e.g. of sample {first!r}: {advice}"


def _id_problems(
    key: str, have: NDArray[np.int64], wanted: NDArray[np.int64], expected: Expected
) -> Iterator[tuple[str, str]]:
    """Yield faults, as in `FAULTS`, and which samples of a condition have them; `have` is sorted."""
    if len(have) == len(wanted) and (have == wanted).all():
        return
    if not len(have):
        yield "is missing", f"condition {key!r} is missing"
        return
    repeated = np.unique(have[1:][have[1:] == have[:-1]])
    faults = {
        "lacks": np.setdiff1d(wanted, have),
        "repeats": repeated,
        "must not contain": np.setdiff1d(have, wanted),
    }
    for what, which in faults.items():
        if len(which):
            example = expected.samples[int(which[0])]
            yield what, f"condition {key!r} {what} {plural(len(which), 'sample')}, e.g. {example!r}"
