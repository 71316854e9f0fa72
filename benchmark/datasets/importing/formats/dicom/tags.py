"""Tags of DICOM as texts and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset


def text(read: Dataset, name: str) -> str:
    """Return a tag as text: the first of several values, stripped, 1.5 rather than 1.50; empty if missing."""
    return _plain(_first(read, name))


def texts(read: Dataset, name: str) -> str:
    """Return all values of a tag as text, parted by bars as findings in a cell are."""
    return "|".join(filter(None, map(_plain, _values(read, name))))


def number(read: Dataset, name: str, default: float) -> float:
    """Return a tag as a number, the first of several; the default if it is missing or empty."""
    value = _first(read, name)
    return default if value == "" else float(value)


def _plain(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, float) or type(value).__name__ in ("DSfloat", "DSdecimal"):
        return f"{float(value):g}"
    return " ".join(str(value).split())


def _first(read: Dataset, name: str) -> Any:  # noqa: ANN401
    """Return the value of a tag, or the first of several; an empty text if it is missing or empty."""
    return next(iter(_values(read, name)), "")


def _values(read: Dataset, name: str) -> Sequence[Any]:
    """Return the values of a tag; empty if it is missing or empty."""
    value: Any = read.get(name)
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        return ["" if each is None else each for each in value]
    return [] if value is None else [value]
