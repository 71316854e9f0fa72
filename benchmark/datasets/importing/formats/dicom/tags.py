"""Tags of DICOM as texts and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def text(read: Dataset, name: str) -> str:
    """Return a tag as text: the first of several values, stripped, 1.5 rather than 1.50; empty if missing."""
    value = _first(read, name)
    if isinstance(value, float) or type(value).__name__ in ("DSfloat", "DSdecimal"):
        return f"{float(value):g}"
    return " ".join(str(value).split())


def number(read: Dataset, name: str, default: float) -> float:
    """Return a tag as a number, the first of several; the default if it is missing or empty."""
    value = _first(read, name)
    return default if value == "" else float(value)


def _first(read: Dataset, name: str) -> Any:  # noqa: ANN401
    """Return the value of a tag, or the first of several; an empty text if it is missing or empty."""
    value: Any = read.get(name)
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        value = value[0] if len(value) else ""
    return "" if value is None else value
