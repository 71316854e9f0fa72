"""Opening NIfTI files: by their content, whatever their name says of compression."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

GZIP = b"\x1f\x8b"
SECOND = (b"\x1c\x02\0\0", b"\0\0\x02\x1c")  # size of the header of NIfTI-2, in either byte order


def open_volume(path: Path) -> Any:  # noqa: ANN401
    """Open a volume without reading its voxels.

    Raises:
        Exception: Whatever nibabel raises.
    """
    import nibabel

    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    name = path.name.lower()
    if name.endswith(".nii.gz" if packed else ".nii"):
        return nibabel.load(path)
    # nibabel goes by the name: it would take a file that is packed for one that is not
    stream = gzip.open(path) if packed else path.open("rb")  # noqa: SIM115  (voxels are read later)
    start = stream.read(4)
    stream.seek(0)
    return (nibabel.Nifti2Image if start in SECOND else nibabel.Nifti1Image).from_stream(stream)
