"""Headers of DICOM files, read without the pixels, and pseudonyms for patients."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...problems import UnsupportedFile
from ..reader import MOST_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset


KEPT = (
    "Modality",
    "BodyPartExamined",
    "ViewPosition",
    "PatientSex",
    "PatientAge",
)  # kept in addition to `TAGS`: possible confounders
READ = (
    *("Rows", "Columns", "SamplesPerPixel", "BitsStored", "PixelRepresentation", "PhotometricInterpretation"),
    *("NumberOfFrames", "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "ModalityLUTSequence"),
    *("PixelPaddingValue",),
    *("SOPInstanceUID", "PatientID", "IssuerOfPatientID", "StudyInstanceUID", "FloatPixelData", "PixelData"),
)


@dataclass(frozen=True)
class DicomHeader:
    """Header of a DICOM file.

    Args:
        width: In pixels.
        height: In pixels.
        channels: 1 or 3.
        bits: Bits stored per value.
        signed: Whether stored values may be negative.
        rescaled: Whether stored values are converted to others, e.g. Hounsfield units.
        windowed: Whether it has a window.
        padded: Whether it says which stored values lie outside the image.
        instance: Unique name of the image.
        patient: Identifier and issuer of the patient, or the study if there is none.
        anonymous: Whether it has no patient identifier.
        tags: Texts of `TAGS`, `KEPT` and the tag of the label; empty if missing.
    """

    width: int
    height: int
    channels: int
    bits: int
    signed: bool
    rescaled: bool
    windowed: bool
    padded: bool
    instance: str
    patient: str
    anonymous: bool
    tags: dict[str, str] = field(default_factory=dict)


def read_header(path: Path, label_tag: str = "") -> DicomHeader:
    """Read the header of a DICOM file.

    Args:
        path: A DICOM file.
        label_tag: Keyword of a further tag to read; empty for none.

    Raises:
        UnsupportedFile: It holds no image, several images, or a very large one.
        Exception: Whatever pydicom raises.
    """
    import pydicom

    wanted = [*READ, *TAGS, *KEPT, *([label_tag] if label_tag else [])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that violate the standard; those that matter are checked here
        read = pydicom.dcmread(path, defer_size=1024, specific_tags=list(wanted))
        if not ("PixelData" in read or "FloatPixelData" in read):
            raise UnsupportedFile("DICOM without pixel data")
        width, height = int(read.Columns), int(read.Rows)
        if width * height > MOST_PIXELS:
            raise UnsupportedFile(f"{width} x {height} pixels; the most is {MOST_PIXELS:,}")
        frames = int(read.get("NumberOfFrames") or 1)
        if frames > 1:
            raise UnsupportedFile(f"{frames} frames; only files of one frame are read")
        coloured = int(read.get("SamplesPerPixel", 1)) == 3 or read.PhotometricInterpretation == "PALETTE COLOR"
        trivial = (number(read, "RescaleSlope", 1), number(read, "RescaleIntercept", 0)) == (1, 0)
        known = text(read, "PatientID")
        patient = f"{known}\x1f{text(read, 'IssuerOfPatientID')}" if known else text(read, "StudyInstanceUID")
        return DicomHeader(
            width=width,
            height=height,
            channels=3 if coloured else 1,
            bits=int(read.get("BitsStored", 32)),
            signed=int(read.get("PixelRepresentation", 0)) == 1,
            rescaled="ModalityLUTSequence" in read or "FloatPixelData" in read or not trivial,
            windowed=bool(text(read, "WindowCenter") and text(read, "WindowWidth")),  # tags may be present but empty
            padded=not coloured and text(read, "PixelPaddingValue") != "",
            instance=text(read, "SOPInstanceUID"),
            patient=patient or text(read, "SOPInstanceUID"),
            anonymous=not known,
            tags={name: text(read, name) for name in wanted[len(READ) :]},
        )


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


def pseudonyms(names: Iterable[str], prefix: str) -> dict[str, str]:
    """Return an untraceable name for each patient or image, the same on every import of the same set.

    A plain hash of a short number can be found by trying all numbers. This one is keyed by all names of the set
    together: whoever wants to try one must know all the others.
    """
    known = sorted(set(names))
    key = hashlib.sha256("\x1e".join(known).encode()).digest()
    return {
        name: prefix + hashlib.blake2b(name.encode(), key=key, digest_size=8, person=b"medshift").hexdigest()
        for name in known
    }


TAGS = ("Manufacturer", "ManufacturerModelName", "MagneticFieldStrength", "KVP", "SliceThickness", "InstitutionName")
