"""Headers of DICOM files, read without the pixels, and pseudonyms for patients."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...problems import UnsupportedFile
from ..reader import MOST_PIXELS
from .decoders import lacking_decoder
from .frames import GROUPS, has_window, is_rescaled, rescaling
from .opening import open_dicom
from .palette import DESCRIPTOR, colour_bits
from .spacing import SPACINGS, aspect, squared
from .tags import number, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


KEPT = (
    "Modality",
    "BodyPartExamined",
    "ViewPosition",
    "PatientSex",
    "PatientAge",
)  # kept in addition to `TAGS`: possible confounders
COLOURS = ("RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
ISSUED = "\x1f"  # between an id and its issuer
CONTRADICTING = (("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE"))
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
READ = (
    *("Rows", "Columns", "SamplesPerPixel", "BitsStored", "PixelRepresentation", "PhotometricInterpretation"),
    *("NumberOfFrames", "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "ModalityLUTSequence"),
    *("VOILUTSequence", "DoseGridScaling", *GROUPS, "PixelPaddingValue", "ImageType", "SeriesInstanceUID"),
    *("PresentationIntentType", "PresentationLUTShape", *SPACINGS, DESCRIPTOR),
    *("SOPInstanceUID", "PatientID", "IssuerOfPatientID", "StudyInstanceUID", *PIXELS),
)


@dataclass(frozen=True)
class DicomHeader:
    """Header of a DICOM file.

    Args:
        width: In pixels.
        height: In pixels.
        channels: 1 or 3.
        frames: Number of images in it.
        bits: Bits per value: those stored, or those of the colours of a palette.
        signed: Whether stored values may be negative.
        rescaled: Whether stored values are converted to others, e.g. Hounsfield units.
        windowed: Whether it has a window or a table of grey values.
        padded: Whether it says which stored values lie outside the image.
        instance: Unique name of the image.
        series: Unique name of its series; empty if missing.
        mosaic: Whether it shows the slices of a volume side by side.
        intent: FOR PRESENTATION or FOR PROCESSING (raw values of a detector); empty if missing.
        contradicts: Whether one of its tags says that the least value is black, another that it is white.
        patient: Identifier and issuer of the patient, or the study if there is none.
        anonymous: Whether it has no patient identifier.
        aspect: Height of a pixel divided by its width.
        tags: Texts of `TAGS`, `KEPT` and the tag of the label, several values parted by bars; empty if missing.
    """

    width: int
    height: int
    channels: int
    frames: int
    bits: int
    signed: bool
    rescaled: bool
    rescaling: tuple[float, float]
    windowed: bool
    padded: bool
    instance: str
    series: str
    mosaic: bool
    intent: str
    contradicts: bool
    patient: str
    anonymous: bool
    aspect: float = 1.0
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height once pixels are square."""
        return squared(self.width, self.height, self.aspect)


def read_header(path: Path, label_tag: str = "") -> DicomHeader:
    """Read the header of a DICOM file.

    Args:
        path: A DICOM file.
        label_tag: Keyword of a further tag to read; empty for none.

    Raises:
        UnsupportedFile: It holds no image or a very large one, or needs a decoder that is not installed.
        Exception: Whatever pydicom raises.
    """
    wanted = [*READ, *TAGS, *KEPT, *([label_tag] if label_tag else [])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that violate the standard; those that matter are checked here
        read = open_dicom(path, wanted)
        if not any(name in read for name in PIXELS):
            raise UnsupportedFile("DICOM without pixel data")
        width, height = int(number(read, "Columns", 0)), int(number(read, "Rows", 0))
        if width < 1 or height < 1:
            raise UnsupportedFile(f"states {width} x {height} pixels (Columns, Rows)")
        if width * height > MOST_PIXELS:
            raise UnsupportedFile(f"{width} x {height} pixels; the most is {MOST_PIXELS:,}")
        if lacking := lacking_decoder(read):
            raise UnsupportedFile(lacking)
        frames = max(1, int(read.get("NumberOfFrames") or 1))
        like = text(read, "PhotometricInterpretation")
        coloured = int(number(read, "SamplesPerPixel", 1)) == 3 or like == "PALETTE COLOR"
        if coloured and like not in COLOURS:  # pydicom would return its channels as they are
            raise UnsupportedFile(f"colours are {like or 'not named'}; read are {', '.join(COLOURS)}")
        known = text(read, "PatientID")
        patient = f"{known}{ISSUED}{text(read, 'IssuerOfPatientID')}" if known else text(read, "StudyInstanceUID")
        whole = "PixelData" in read
        bits = int(number(read, "BitsStored", 0)) if whole else 32
        if bits < 1:
            raise UnsupportedFile("states no BitsStored")
        return DicomHeader(
            width=width,
            height=height,
            channels=3 if coloured else 1,
            frames=frames,
            bits=colour_bits(read, bits) if like == "PALETTE COLOR" else bits,
            signed=int(number(read, "PixelRepresentation", 0)) == 1,
            rescaled=bool(read.get("ModalityLUTSequence")) or not whole or is_rescaled(read, frames),
            rescaling=rescaling(read, 0),
            windowed=has_window(read),
            padded=not coloured and text(read, "PixelPaddingValue") != "",
            instance=text(read, "SOPInstanceUID"),
            series=text(read, "SeriesInstanceUID"),
            intent=text(read, "PresentationIntentType"),
            contradicts=(like, text(read, "PresentationLUTShape")) in CONTRADICTING,
            mosaic="MOSAIC" in (read.get("ImageType") or ()),
            patient=patient or text(read, "SOPInstanceUID"),
            anonymous=not known,
            aspect=aspect(read),
            tags={name: texts(read, name) for name in wanted[len(READ) :]},
        )


def with_one_issuer(patients: Sequence[str]) -> list[str]:
    """Let an id without an issuer be that of the only issuer it has elsewhere: one patient, not two.

    Args:
        patients: Id, `ISSUED` and issuer of each image; other names stay as they are.
    """
    issuers: dict[str, set[str]] = {}
    for known, mark, issuer in (patient.partition(ISSUED) for patient in patients):
        if mark and issuer:
            issuers.setdefault(known, set()).add(issuer)
    only = {f"{known}{ISSUED}": f"{known}{ISSUED}{min(found)}" for known, found in issuers.items() if len(found) == 1}
    return [only.get(patient, patient) for patient in patients]


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
