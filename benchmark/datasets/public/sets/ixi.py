"""IXI: T1-weighted head volumes from three London hospitals, two at 1.5 T and one at 3 T."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .....shifts.errors import MedshiftError, in_one_line
from ...importing.formats.nifti.opening import whole_volume
from ..definition import MissingExtra, ParsedSet, Remote
from ..labels import AGES
from ..tables import one_of

NAME = re.compile(r"IXI(\d{3})-(Guys|HH|IOP)-\d{4}-T1\.nii(\.gz)?")
SITES = {"Guys": "guys-1.5t", "HH": "hammersmith-3t", "IOP": "iop-1.5t"}
SEX = "SEX_ID (1=m, 2=f)"
EXTENT = 224.0  # mm spanned by the cube: a head
BRIGHTEST = 99.5  # percentile of a volume that becomes 1


def remotes(side: int) -> tuple[Remote, ...]:
    """Return the files with volumes and table; the checksum is the one that TorchIO publishes."""
    base = "http://biomedic.doc.ic.ac.uk/brain-development/downloads/IXI"
    return (
        Remote(f"{base}/IXI-T1.tar", "IXI-T1.tar", "md5:34901a0593b41dd19c1a1f746eac2d58", "TorchIO", unpack=True),
        Remote(f"{base}/IXI.xls", "IXI.xls"),
    )


def read(folder: Path, side: int, label: Literal["sex", "age"] = "sex") -> ParsedSet:
    """Read `IXInnn-SITE-nnnn-T1.nii.gz` and `IXI.xls` (or `IXI.csv`); persons are groups.

    Args:
        folder: Holds the volumes, or a folder `IXI-T1` or `T1` with them.
        side: Voxels along each edge of the cube.
        label: What to classify.

    Raises:
        MedshiftError: The volumes or the table are missing, or the table is a different one.
    """
    root = one_of(folder, "IXI-T1", "T1") or folder
    rows = [
        (path.relative_to(folder).as_posix(), int(match[1]), SITES[match[2]])
        for path in sorted(root.iterdir())
        if (match := NAME.fullmatch(path.name))
    ]
    if not rows:
        raise MedshiftError(f"no volume IXInnn-SITE-nnnn-T1.nii.gz in {root}")
    table = pd.DataFrame(rows, columns=["sample_id", "person", "domain"])
    joined = table.merge(people(folder), on="person", how="left")
    joined["label"] = joined[label]
    known = joined["label"].notna()
    made = joined[known].reset_index(drop=True)
    made["group"] = made["person"].map("IXI{:03d}".format)
    made["age_years"] = made["age_years"].map("{:.1f}".format)
    left = int((~known).sum())
    notes = (
        f"volumes are smoothed and resampled along the scanner's axes to a cube of {side} voxels that spans {EXTENT:g} "
        f"mm; the {BRIGHTEST:g}th percentile of each becomes 1",
        *((f"{left} volumes are left out: the table has no {label} for them, or contradicts itself",) if left else ()),
    )
    columns = ["sample_id", "label", "domain", "group", "sex", "age_years"]
    names = made["sample_id"].tolist()
    return ParsedSet(made[columns], cubes(folder, names, side), value_range=(0.0, 1.0), notes=notes)


def people(folder: Path) -> pd.DataFrame:
    """Read person, sex, age_years and age group from the table; persons with contradicting rows are left out."""
    path = one_of(folder, "IXI.csv", "IXI.xls")  # CSV first: a person saved it, and it needs no package
    if path is None:
        raise MedshiftError(f"no IXI.xls (or IXI.csv) in {folder}")
    try:
        table = pd.read_excel(path, engine="calamine") if path.suffix == ".xls" else pd.read_csv(path)
        found = table[["IXI_ID", SEX, "AGE"]].set_axis(["person", "sex", "age_years"], axis=1)
    except ImportError as error:
        raise MissingExtra(
            f"{path} needs the package python-calamine: pip install 'medshift[ixi]', or save it as CSV"
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise MedshiftError(f"{path} is not the table of IXI: {in_one_line(error)}") from error
    found = found.drop_duplicates()
    found = found[~found["person"].duplicated(keep=False)]
    found["sex"] = found["sex"].map({1: "male", 2: "female"})  # 0 is unknown
    age = found["age_years"]
    found["age"] = (age >= 50).map({False: AGES[0], True: AGES[1]}).where(age > 0)
    return found


def grid(
    shape: tuple[int, ...], affine: NDArray[np.float64], side: int, voxel: float
) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Return shape and affine of a cube about the middle of a volume, on the scanner's axes: right, front, up.

    Args:
        shape: Shape (A, B, C) of the volume.
        affine: Affine (4, 4) of the volume, to mm; its axes may be oblique.
        side: Voxels along each edge.
        voxel: Voxel size in mm.
    """
    middle = affine[:3, :3] @ ((np.asarray(shape) - 1) / 2) + affine[:3, 3]
    made = np.diag([voxel, voxel, voxel, 1.0])
    made[:3, 3] = middle - voxel * (side - 1) / 2
    return (side,) * 3, made


def cubes(folder: Path, names: Sequence[str], side: int) -> Iterator[NDArray[np.float32]]:
    """Yield each volume as a cube (1, side, side, side) in [0, 1].

    Raises:
        MedshiftError: A volume cannot be read or holds nothing; the message names it.
    """
    import nibabel
    from nibabel import processing

    nib: Any = nibabel  # only half of its functions are typed
    tools: Any = processing
    voxel = EXTENT / side
    for name in names:
        try:
            with whole_volume(folder / name) as loaded:
                volume = nib.Nifti1Image(np.asarray(loaded.dataobj, dtype=np.float32), loaded.affine)
            # antialiasing: remove what the coarser grid cannot hold, less what the volume's own grid lacks already
            own = np.asarray(volume.header.get_zooms()[:3], dtype=np.float64)
            width = np.sqrt(np.maximum(voxel**2 - own**2, 0))
            smooth = tools.smooth_image(volume, width)
            made = tools.resample_from_to(smooth, grid(volume.shape, volume.affine, side, voxel), order=1)
        except (OSError, ValueError, EOFError, nib.filebasedimages.ImageFileError) as error:
            raise MedshiftError(f"{folder / name} cannot be read: {in_one_line(error)}") from error
        values: NDArray[np.float32] = made.get_fdata(dtype=np.float32)
        top = np.percentile(values, BRIGHTEST) if np.isfinite(values).all() else np.nan
        if not top > 0:
            raise MedshiftError(f"{folder / name} is empty or not finite")
        yield np.clip(values / np.float32(top), 0, 1)[None]
