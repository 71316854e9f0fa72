"""What a user should know of a set of volumes, from their headers alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .header import NiftiHeader

SPAN = 20.0  # times that voxel sizes of one set may differ without a word

VOXEL = re.compile(r"NIfTI on the patient's axes, .* of (\S+) mm, .*")


def voxel_note(each: str, voxel: float) -> str:
    """Write how volumes are resampled.

    Args:
        each: Size of the result.
        voxel: Side of a voxel in mm; six digits, as `voxel_of` reads it from here for images of other sites.
    """
    return f"NIfTI on the patient's axes, {each} of {voxel:.6g} mm, cropped or padded about the centre"


def voxel_of(notes: Sequence[str]) -> float | None:
    """Return the side of the voxels that volumes were resampled to, in mm, from the notes of a data set."""
    return next((float(found[1]) for note in notes if (found := VOXEL.fullmatch(note))), None)


def header_notes(names: Sequence[str], heads: Sequence[NiftiHeader], slices: int = 0) -> list[str]:
    """Return the notes on units, voxel sizes and axes, and on single planes.

    Args:
        names: Path of each volume.
        heads: Its header.
        slices: Number of slices that are taken of each; 0 keeps whole volumes.
    """
    planes = [] if slices else _planes(heads)
    return [*_units(names, heads), *_sizes(names, heads), *_forms(names, heads), *planes]


def _units(names: Sequence[str], heads: Sequence[NiftiHeader]) -> list[str]:
    notes = []
    for unit, word in (("meter", "metres"), ("micron", "micrometres")):
        applied = sum(of.unit == unit and of.believed for of in heads)
        if applied:
            notes.append(f"voxel sizes of {_of(applied, len(heads))} are in {word}, converted to mm")
    wrong = [(name, of) for name, of in zip(names, heads, strict=True) if not of.believed]
    if wrong:
        (name, of), count = wrong[0], len(wrong)
        notes.append(
            f"{_of(count, len(heads))} state metres with voxels of {max(of.spacing):g}, taken as mm (the first: {name})"
        )
    return notes


def _sizes(names: Sequence[str], heads: Sequence[NiftiHeader]) -> list[str]:
    """Tell where voxels differ so much in size that some unit must be wrong."""
    sizes = [max(of.spacing) for of in heads]
    least, most = min(sizes), max(sizes)
    if most <= SPAN * least:
        return []
    unsaid = sum(of.unit == "unknown" for of in heads)
    stated = f"{_of(unsaid, len(heads))} state no unit, taken as mm" if unsaid else "is the unit of all headers right?"
    small, large = names[sizes.index(least)], names[sizes.index(most)]
    return [f"voxels are {least:.3g} mm ({small}) to {most:.3g} mm ({large}): {stated}"]


def _forms(names: Sequence[str], heads: Sequence[NiftiHeader]) -> list[str]:
    notes = []
    differ = [name for name, of in zip(names, heads, strict=True) if of.forms == "disagree"]
    if differ:
        notes.append(
            f"in {_of(len(differ), len(heads))} qform and sform disagree (the first: {differ[0]}): sform is used"
        )
    unknown = [name for name, of in zip(names, heads, strict=True) if of.forms == "none"]
    if unknown:
        notes.append(
            f"{_of(len(unknown), len(heads))} state no orientation (qform and sform code 0; the first: {unknown[0]}): "
            "axes are taken as stored, right to left, back to front, foot to head"
        )
    return notes


def _planes(heads: Sequence[NiftiHeader]) -> list[str]:
    """Tell where volumes are single planes, of which a cube is nearly empty."""
    count = sum(1 in of.shape for of in heads)
    if not count:
        return []
    axial = all(of.shape[2] == 1 for of in heads if 1 in of.shape)  # others would be cut across
    way = ": --slices 1 keeps them flat" if axial else ""
    return [f"{_of(count, len(heads))} have a single plane, and become cubes that are empty around it{way}"]


def _of(count: int, all_of_them: int) -> str:
    return f"{count:,} of {all_of_them:,} volumes" if count < all_of_them else f"all {count:,} volumes"
