"""Empty space around volumes that do not fill their cube: what fills it where nobody said which value is black."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ......shifts.errors import MedshiftError
from .....files.bounded.child import each
from .....files.wording import plural
from ...not_finite import replace_not_finite
from ..reader import value_limits
from .opening import whole_volume

WAYS = "give --window CENTRE,WIDTH, --window image or --value-range LOW,HIGH"


def unscaled(image: Any, nan_as: str) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:  # noqa: ANN401
    """Return the values of an opened volume, and which were finite; see `replace_not_finite`.

    Raises:
        UnsupportedFile: Some are NaN, and nobody said what they become.
        Exception: Whatever nibabel raises.
    """
    values = np.asarray(image.dataobj, dtype=np.float32).reshape(image.shape[:3])
    return replace_not_finite(values, nan_as, "voxels")


def common_black(
    root: Path,
    names: Sequence[str],
    smaller: Sequence[tuple[str, Sequence[float]]],
    nan_as: str,
    largest: int,
    progress: Callable[[int, int], None],
) -> float:
    """Return the least value of every volume, if it is the same: air, in units that all share.

    Where it differs, the space around a volume would have a value that tells its scanner.

    Args:
        root: Folder that the names are relative to.
        names: Of all volumes; those that cannot be read are passed over, as they are told when they are imported.
        smaller: Names of those that do not fill their cube or square, with their size in mm.
        nan_as: See `replace_not_finite`.
        largest: Number of voxels of the largest.
        progress: Called with (volumes read, all volumes).

    Raises:
        MedshiftError: The least values differ.
    """
    first = ("", 0.0)
    found = each(_Least(root, nan_as), names, value_limits(largest))
    for number, (name, least) in enumerate(zip(names, found, strict=True)):
        progress(number + 1, len(names))
        if not isinstance(least, float):
            continue
        first = first if first[0] else (name, least)
        if least != first[1]:
            example, size = smaller[0]
            do = "does not fill its" if len(smaller) == 1 else "do not fill their"
            raise MedshiftError(
                f"{plural(len(smaller), 'volume')} {do} {'cube' if len(size) == 3 else 'square (--slices)'}, as "
                f"{example} of {' x '.join(f'{length:.4g}' for length in size)} mm, and which value is black is not "
                f"known (the least is {first[1]:g} in {first[0]} and {least:g} in {name}): {WAYS}"
            )
    return first[1]


@dataclass(frozen=True)
class _Least:
    """Reads the least value of a volume in the child."""

    root: Path
    nan_as: str

    def __call__(self, name: str) -> float:
        """Return the least value of a volume."""
        with whole_volume(self.root / name) as image:
            return float(unscaled(image, self.nan_as)[0].min())
