"""Tables of grey levels (VOI LUT) and of physical values (Modality LUT)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...problems import UnsupportedFile

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def look_up(values: NDArray[Any], table: Dataset, signed: bool) -> tuple[NDArray[np.float64], int]:
    """Return what a table gives for each value, and the most that it could give.

    Args:
        values: Whole numbers; what lies outside the table gets its first or last entry.
        table: An item of ModalityLUTSequence or VOILUTSequence.
        signed: Whether the values may be negative; then its first value may be, too.

    Raises:
        UnsupportedFile: The table has not the number of entries that it states.
    """
    count, first, bits = (int(part) for part in table.LUTDescriptor)
    count = count or 65536
    if signed and first >= 32768:  # written unsigned
        first -= 65536
    data = table.LUTData
    if isinstance(data, bytes):
        wide = len(data) >= 2 * count
        order = ">" if table.original_encoding[1] is False else "<"
        entries = np.frombuffer(data, dtype=f"{order}u2" if wide else "u1")
    else:
        entries = np.atleast_1d(np.asarray(data, dtype=np.int64)) & 0xFFFF  # always unsigned
    if len(entries) < count or not 1 <= bits <= 16:
        raise UnsupportedFile(f"its table of grey levels has {len(entries):,} entries of {bits} bits, not {count:,}")
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, count - 1)
    return entries[:count].astype(np.float64)[index], 2**bits - 1
