"""Colours of PALETTE COLOR images: stored values are numbers of the entries of three tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...problems import UnsupportedFile

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DESCRIPTOR = "RedPaletteColorLookupTableDescriptor"  # entries, first value, bits of an entry: the same in all three
TABLES = tuple(f"{name}PaletteColorLookupTableData" for name in ("Red", "Green", "Blue"))


def colour_bits(read: Dataset, stored: int) -> int:
    """Return the bits of the colours: those of the tables, whatever the stored values have; 8 where these have no more.

    Args:
        read: An opened file.
        stored: Its BitsStored, which say how many entries can be named.
    """
    held: Sequence[Any] = read.get(DESCRIPTOR) or ()  # without tables, decoding says what is wrong
    return 8 if stored <= 8 or (len(held) == 3 and int(held[2]) <= 8) else 16


def look_up_colours(read: Dataset, stored: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return the colours (H, W, 3) of stored values (H, W), of as many bits as `colour_bits` says.

    Raises:
        UnsupportedFile: A table that is too long for pydicom is packed in segments.
        Exception: Whatever pydicom raises.
    """
    from pydicom.pixels.processing import apply_color_lut

    held = [int(part) for part in read.get(DESCRIPTOR) or ()]
    if len(held) == 3:
        count, first = held[0] or 65536, held[1]
        # What lies outside of a table gets its first or last entry. pydicom counts in the type of the entries, so that
        # it would begin again at 256.
        stored = np.clip(stored.astype(np.int64), first, first + count - 1)
        if held[2] == 8 and count > 256:
            return _long_tables(read, stored - first, count)
    made: NDArray[Any] = apply_color_lut(stored, read)
    if made.dtype == np.uint16 and bits <= 8 and not (held[2] == 8 and _greatest(read) < 256):
        return made >> 8
    return made


def _long_tables(read: Dataset, index: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
    tables = [np.frombuffer(bytes(read.get(name) or b""), dtype=np.uint8) for name in TABLES]
    if any(len(table) not in (count, count + 1) for table in tables):  # one more, so that their number is even
        raise UnsupportedFile(f"its palettes do not have the {count:,} entries of 8 bits that it states")
    return np.stack([table[index] for table in tables], axis=-1)


def _greatest(read: Dataset) -> int:
    """Return the greatest entry of tables of 8 bits that are written in 16."""
    return max(int(np.frombuffer(read.get(name) or b"\0\0", dtype=np.uint16).max()) for name in TABLES)
