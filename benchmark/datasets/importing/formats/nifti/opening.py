"""Opening NIfTI files: by their content, whatever their name says of compression."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...problems import UnsupportedFile

MOST_AFTER = 64 << 20  # bytes that may follow the voxels
GZIP = b"\x1f\x8b"
SECOND = (b"\x1c\x02\0\0", b"\0\0\x02\x1c")  # size of the header of NIfTI-2, in either byte order


def open_volume(path: Path) -> Any:  # noqa: ANN401
    """Open a volume without reading its voxels.

    Raises:
        Exception: Whatever nibabel raises.
    """
    import nibabel

    packed, name = _is_packed(path), path.name.lower()
    if name.endswith(".nii.gz" if packed else ".nii"):
        return nibabel.load(path)
    # nibabel goes by the name: it would take a file that is packed for one that is not
    return _of_stream(gzip.open(path) if packed else path.open("rb"))


@contextmanager
def whole_volume(path: Path) -> Iterator[Any]:
    """Open a volume, all of whose voxels are read inside; a packed one is then held against its checksum.

    That stands after the last voxel, which is where nibabel stops reading.

    Raises:
        UnsupportedFile: More follows the voxels than any volume has there.
        Exception: Whatever nibabel raises, or gzip of a damaged file.
    """
    if not _is_packed(path):
        yield open_volume(path)
        return
    with gzip.open(path) as stream:
        yield _of_stream(stream)
        left = MOST_AFTER
        while found := len(stream.read(1 << 20)):
            left -= found
            if left < 0:
                raise UnsupportedFile(f"more than {MOST_AFTER >> 20} MiB follow its voxels")


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP


def _of_stream(stream: Any) -> Any:  # noqa: ANN401
    import nibabel

    start = stream.read(4)
    stream.seek(0)
    return (nibabel.Nifti2Image if start in SECOND else nibabel.Nifti1Image).from_stream(stream)
