"""Opening DICOM files: with or without preamble and meta."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...problems import UnsupportedFile

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset


def open_dicom(path: Path, tags: list[str] | None = None) -> FileDataset:
    """Open a DICOM file; if it does not state its transfer syntax, state the one that it was read with.

    Args:
        path: A DICOM file, or a data set without preamble.
        tags: Keywords of the tags to read; large values are read when they are asked for. None reads everything.

    Raises:
        UnsupportedFile: Its pixels are compressed, and nothing says how.
        Exception: Whatever pydicom raises.
    """
    import pydicom
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    read = pydicom.dcmread(
        path,
        force=True,  # the content was looked at before
        defer_size=None if tags is None else 1024,
        specific_tags=None if tags is None else list(tags),
    )
    stated = read.file_meta.get("TransferSyntaxUID")
    if not stated:
        implicit, little = read.original_encoding
        stated = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        if "PixelData" in read and read["PixelData"].is_undefined_length:
            raise UnsupportedFile("its pixels are compressed, and it does not say how (no TransferSyntaxUID)")
        read.file_meta.TransferSyntaxUID = stated
    return read
