"""Recognising the format of a file by its first bytes, whatever its name."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from .dicom.headless import is_headless
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
BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # sizes of the second header
OTHERS = {  # known by name only, to say that an image has a format that is not read
    b"GIF8": "GIF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"%PDF": "PDF",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"8BPS": "Photoshop",
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
    return _by_start(_start(path), path.name)


def _start(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        return file.read(352)


def _by_start(head: bytes, name: str) -> str:
    """Return the format of a file by its first bytes; empty if it is none of `FORMATS`."""
    picture = next((form for start, form in STARTS.items() if head.startswith(start)), "")
    if picture == "BMP" and int.from_bytes(head[14:18], "little") not in BMP_HEADERS:
        picture = ""  # two letters, which many a text begins with
    if head[128:132] == b"DICM" and (not picture or by_name(name) != picture):  # some are a TIFF, too
        return "DICOM"
    if _is_nifti(head):
        return "NIfTI"
    if head.startswith(b"\x1f\x8b") and (name.lower().endswith(".nii.gz") or _is_nifti(_unpacked(head))):
        return "NIfTI"
    return picture or ("DICOM" if is_headless(head) else "")


def _is_nifti(head: bytes) -> bool:
    return head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"


def _part_of_pair(path: Path, head: bytes) -> str:
    """Return which part a file is of a volume that NIfTI stores in two files; empty if it is none."""
    if _is_pair(head):
        return "header"
    ending = path.suffix.lower()
    beside = next((other for end in (".hdr", ".HDR") if (other := path.with_suffix(end)).is_file()), None)
    return "voxels" if ending == ".img" and beside is not None and _is_pair(_start(beside)) else ""


def _is_pair(head: bytes) -> bool:
    return head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0"


def _unpacked(head: bytes) -> bytes:
    """Return the first bytes that gzip packed."""
    try:
        return zlib.decompressobj(31).decompress(head, 352)
    except zlib.error:
        return b""


def not_a_file(path: Path) -> str:
    """Return why a path is not a regular file, else an empty text: opening a pipe could block for ever."""
    if path.is_file():
        return ""
    return "not a file but a folder or device" if path.exists() else missing(path)


def sniff(path: Path) -> tuple[str, str]:
    """Return the format of a file by its content and what is wrong with it; one of the two is empty."""
    if wrong := not_a_file(path):
        return "", wrong
    try:
        head = _start(path)
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"
    found, claimed = _by_start(head, path.name), by_name(path.name)
    if found:
        return found, ""
    if not head:
        return "", "an empty file"
    if why := pointer(path):
        return "", why
    other = next((form for start, form in OTHERS.items() if head.startswith(start)), "")
    other = "WebP" if head[8:12] == b"WEBP" else "HEIC or AVIF" if head[4:8] == b"ftyp" else other
    if part := _part_of_pair(path, head):
        return "", f"the {part} of a NIfTI pair (.hdr and .img), which is not read: save both as one .nii"
    if other:
        return "", f"a {other} file by its content, which is not read: save it as PNG"
    return "", (f"not a {claimed} file by its content" if claimed else f"none of {', '.join(FORMATS)}")
