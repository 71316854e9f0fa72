"""Options of an import."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Literal

from ....shifts.catalogue import MODALITIES
from ....shifts.errors import MedshiftError, near
from .not_finite import check_nan_as
from .pixel_options import parse_background, parse_value_ranges

LARGEST_SIDE = 96  # default side of images: trains in minutes without a GPU; --image-size asks for more
LARGEST_CUBE = 64  # default side of volumes
LONGEST = 4000  # most characters of licence and citation, which every protocol repeats


@dataclass(frozen=True)
class Options:
    """Options of an import; the defaults suit a manifest of pictures with columns image, label, domain, split_group.

    Args:
        modality: One of `shifts.catalogue.MODALITIES`, or `any`.
        image_size: Side in pixels or voxels; by default that of the smallest image, at most 96 (volumes 64).
        classes: Labels to keep, in this order; by default all, sorted.
        image_column: Column of a manifest with the path.
        label_column: Column with the label, or the keyword of a DICOM tag.
        group_column: Column with the patient, lesion or slide.
        domain_from: Column or keyword of a DICOM tag with the site or scanner, or `folder`.
        group_pattern: Regular expression that finds the group in a path: its first capturing group, or the whole match.
        label_contains: Where cells hold several findings: the classes are this one and `no ` with its name.
        drop_labels: Labels whose images are left out, e.g. `NA`.
        merge_rows: Keep the first of several rows of an image if they agree; rows that do not are an error.
        follow_links: Read links that lead out of the folder.
        groups_per_domain: Groups named alike in two domains are different patients.
        ignore_split: Leave out a column `split`.
        value_ranges: Pixel values that become black and white, `LOW,HIGH` for all or `DOMAIN:LOW,HIGH` for one domain.
        nan_as: What NaN becomes: a number, or `darkest` (the least value of the image); empty refuses it.
        background: Colour behind transparent pixels, as Pillow names it; empty is black.
        fit: How an oblong image becomes a square: `crop` cuts off its ends, `pad` adds black, `stretch` distorts it.
        channels: 1 or 3 to convert all images; by default all must have the same.
        window: For DICOM and NIfTI: `CENTRE,WIDTH`, `file` (the file's own), `image` (each image's 0.5th to 99.5th
            percentile), `none`; by default `image` for MR and none for others.
        slices: Number of axial slices taken from each volume, or of frames from each DICOM file; 0 keeps whole volumes.
        voxel_mm: Side of a voxel, or of a slice's pixel, in mm; by default such that the median volume fits.
        depth: 8 converts every image to 8 bits, and grey ones to colour where some are colour, as an image viewer does;
            None keeps the depth of the files, which must be the same in all.
        licence: Terms of use.
        citation: What to cite.

    Raises:
        MedshiftError: A value is out of range, or not a regular expression.
    """

    modality: str = "any"
    image_size: int | None = None
    classes: tuple[str, ...] = ()
    image_column: str = "image"
    label_column: str = ""
    group_column: str = ""
    domain_from: str = ""
    group_pattern: str = ""
    label_contains: str = ""
    drop_labels: tuple[str, ...] = ()
    merge_rows: bool = False
    follow_links: bool = False
    groups_per_domain: bool = False
    ignore_split: bool = False
    value_ranges: tuple[str, ...] = ()
    nan_as: str = ""
    background: str = ""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    channels: int | None = None
    window: str = ""
    slices: int = 0
    voxel_mm: float | None = None
    depth: Literal[8] | None = None
    licence: str = ""
    citation: str = ""

    def __post_init__(self) -> None:
        """Check what can be checked without the files."""
        if self.modality not in (*MODALITIES, "any"):
            raise MedshiftError(f"unknown modality {self.modality!r}.{near(self.modality, MODALITIES)}")
        if self.image_size is not None and not 8 <= self.image_size <= 4096:
            raise MedshiftError(f"--image-size must be 8 to 4096, not {self.image_size}")
        if self.channels not in (None, 1, 3):
            raise MedshiftError(f"--channels must be 1 (grey) or 3 (colour), not {self.channels}")
        if self.slices < 0:
            raise MedshiftError(f"--slices must be 0 or more, not {self.slices}")
        if self.voxel_mm is not None and not 0.01 <= self.voxel_mm <= 100:
            raise MedshiftError(f"--voxel-mm must be 0.01 to 100, not {self.voxel_mm:g}")
        if self.group_column and self.group_pattern:
            raise MedshiftError("--group-column and --group-pattern both define the groups: give only one of them")
        for option, text in (("--licence", self.licence), ("--citation", self.citation)):
            if len(text) > LONGEST:
                raise MedshiftError(
                    f"{option} has {len(text):,} characters, at most {LONGEST:,} are kept: give the address of its page"
                )
        try:
            re.compile(self.group_pattern)
        except re.error as error:
            raise MedshiftError(
                f"--group-pattern {self.group_pattern!r} is not a regular expression: {error}"
            ) from error
        check_nan_as(self.nan_as)
        parse_value_ranges(self.value_ranges)
        parse_background(self.background)
        if self.value_ranges and self.window not in ("", "none"):
            raise MedshiftError(
                "--value-range and --window both say which values are black and white: give one of them"
            )
        _ = self.fixed_window

    @property
    def windowing(self) -> str:
        """Kind of `window`: `fixed`, `file`, `image` or `none`."""
        if not self.window:
            return "image" if self.modality == "mr" and not self.value_ranges else "none"
        return self.window if self.window in ("file", "image", "none") else "fixed"

    @property
    def fixed_window(self) -> tuple[float, float] | None:
        """Centre and width of a fixed window, in rescaled units."""
        if self.windowing != "fixed":
            return None
        parts = self.window.split(",")
        try:
            centre, width = (float(part) for part in parts)
        except ValueError:
            centre, width = 0.0, 0.0
        if not (width > 0 and abs(centre) < 1e9 and width < 1e9):
            raise MedshiftError(
                f"--window must be CENTRE,WIDTH (e.g. 40,400), file, image or none, not {self.window!r}"
            )
        return centre, width


def make_options(**given: Any) -> Options:  # noqa: ANN401
    """Make options from keywords.

    Raises:
        MedshiftError: One is unknown (near ones are suggested) or invalid.
    """
    known = [field.name for field in fields(Options)]
    for name in given:
        if name not in known:
            raise MedshiftError(f"unknown option of reading {name!r}.{near(name, known)}")
    return Options(**given)
