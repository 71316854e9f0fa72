"""Recognising the format of a file by its first bytes, which its name must agree with."""

from __future__ import annotations

import os
from pathlib import Path

from .pointers import missing, pointer

PICTURES = ("PNG", "JPEG", "TIFF", "BMP")
FORMATS = (*PICTURES, "DICOM", "NIfTI")
EXTENSIONS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".ima": "DICOM",
    ".nii": "NIfTI",
}
STARTS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"BM": "BMP",
}


def by_name(name: str) -> str:
    """Return the format that a file name claims; empty if none."""
    lower = name.lower()
    return "NIfTI" if lower.endswith(".nii.gz") else EXTENSIONS.get(os.path.splitext(lower)[1], "")  # noqa: PTH122


def by_content(path: Path) -> str:
    """Return the format of a file by its content; empty if it is none of `FORMATS`.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        head = file.read(352)
    if head[128:132] == b"DICM":
        return "DICOM"
    if head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0":
        return "NIfTI"
    if head.startswith(b"\x1f\x8b") and path.name.lower().endswith(".nii.gz"):
        return "NIfTI"
    return next((name for start, name in STARTS.items() if head.startswith(start)), "")


def not_a_file(path: Path) -> str:
    """Return why a path is not a regular file, else an empty text: opening a pipe could block for ever."""
    if path.is_file():
        return ""
    return "not a file but a folder or device" if path.exists() else missing(path)


def sniff(path: Path) -> tuple[str, str]:
    """Return the format of a file and what is wrong with it; one of the two is empty."""
    if wrong := not_a_file(path):
        return "", wrong
    try:
        found = by_content(path)
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"
    claimed = by_name(path.name)
    if not found and path.stat().st_size == 0:
        return "", "an empty file"
    if not found and (why := pointer(path)):
        return "", why
    if not found:
        return "", (f"not a {claimed} file by its content" if claimed else f"none of {', '.join(FORMATS)}")
    if claimed and claimed != found:
        return "", f"a {found} file by its content, not {claimed}: rename it"
    return found, ""
