"""Patches of retinal photographs, a vessel at the centre or not, from the files of one public repository."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .....shifts.errors import MedshiftError, in_one_line
from ..definition import ParsedSet
from ..labels import VESSEL_OR_NOT

DRIVE = "data/DRIVE/datasets"
CHASE = "data/CHASEDB1"
PATCH = 48  # pixels
FAR = 9  # pixels between a background's centre and the nearest vessel, at least
MARGIN = 26  # pixels between a centre and the edge of the field of view, more than
MADE_WITH = "NumPy 2.4 and Pillow 13"
DARK = 25  # brightest channel outside the field of view of a camera without masks, at most


@dataclass(frozen=True)
class _Photograph:
    """One photograph with what the patches are drawn from.

    Args:
        image: Key of the file.
        vessels: Key of the first observer's mask.
        field: Key of the mask of the field of view; empty if none is published.
        domain: Its camera.
        group: Its person, as far as known.
        halved: Whether it is scaled to half its size first.
        patches: Number per class.
    """

    image: str
    vessels: str
    field: str
    domain: str
    group: str
    halved: bool
    patches: int


def photographs(keys: Mapping[str, Any]) -> list[_Photograph]:
    """List the photographs in the order in which patches are drawn from them."""
    made = []
    for key in sorted(keys):
        place, _, name = key.rpartition("/")
        stem = name.partition(".")[0]
        if place.startswith(DRIVE) and place.endswith("/images"):
            number, above = stem.partition("_")[0], place.removesuffix("/images")
            vessels, mask = f"{above}/1st_manual/{number}_manual1.gif", f"{above}/mask/{stem}_mask.gif"
            made.append(_Photograph(key, vessels, mask, "drive_canon_cr5", f"drive_{number}", False, 20))
        elif place == CHASE and name.endswith(".jpg"):
            group = f"chase_{stem.removeprefix('Image_')[:2]}"  # both eyes of a child
            made.append(_Photograph(key, f"{CHASE}/{stem}_1stHO.png", "", "chase_nidek_nm200d", group, True, 28))
    return sorted(made, key=lambda one: (one.halved, one.image))


def read(files: Mapping[str, Path], side: int, drawn: str = "") -> ParsedSet:
    """Draw patches of both cameras; images (DRIVE) and children (CHASE_DB1) are groups.

    Args:
        files: Where each file lies, by folder of the clone and path.
        side: Side of the patches, in pixels.
        drawn: SHA-256 of the lines `sample_id label`, which decoders and random numbers must give; any if empty.

    Raises:
        MedshiftError: A file cannot be decoded, or other patches are drawn.
    """
    generator = np.random.default_rng(0)
    rows: list[tuple[Any, ...]] = []
    shown = photographs(files)
    for one in shown:
        vessel = _load(files, one.vessels, one.halved, mask=True)
        places = _places(vessel, _field(files, one), one.image)
        for label, where in zip(reversed(VESSEL_OR_NOT), places, strict=True):
            if len(where) < one.patches:
                raise MedshiftError(f"{files[one.image]}: {len(where)} places of {label}, {one.patches} are needed")
            chosen = where[generator.choice(len(where), one.patches, replace=False)]
            rows += [
                (f"{Path(one.image).stem}/{x}-{y}", label, one.domain, one.group, one.image, int(x), int(y))
                for y, x in chosen
            ]
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group", "photograph", "x", "y"])
    text = "".join(f"{row.sample_id} {row.label}\n" for row in table.itertuples())
    if drawn not in ("", hashlib.sha256(text.encode()).hexdigest()):
        raise MedshiftError(
            f"NumPy {np.__version__} and Pillow {version('pillow')} draw other patches here than those of the set, "
            f"which was made with {MADE_WITH}: install these, read the set, and go back"
        )
    by_photograph = {one.image: one for one in shown}
    centres = {key: rows[["y", "x"]].to_numpy() for key, rows in table.groupby("photograph", sort=False)}
    return ParsedSet(table.drop(columns=["x", "y"]), _patches(files, by_photograph, centres, side))


def _patches(
    files: Mapping[str, Path],
    photographs: Mapping[str, _Photograph],
    centres: Mapping[Any, NDArray[np.int64]],
    side: int,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the patches (3, side, side) around the centres (n, 2) of each photograph."""
    for key, where in centres.items():
        pixels = _load(files, key, photographs[key].halved)
        for y, x in where - side // 2:
            yield np.moveaxis(pixels[y : y + side, x : x + side], -1, 0)


def _field(files: Mapping[str, Path], one: _Photograph) -> NDArray[np.bool_]:
    """Return the field of view: its mask, or what is not dark."""
    if one.field:
        return _load(files, one.field, one.halved, mask=True)
    inside: NDArray[np.bool_] = _load(files, one.image, one.halved).max(axis=2) > DARK
    return inside


def _places(
    vessel: NDArray[np.bool_], field: NDArray[np.bool_], name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the possible centres (n, 2) of vessels and of background."""
    from scipy.ndimage import distance_transform_edt  # deferred: `--help` must stay fast

    if vessel.shape != field.shape:
        raise MedshiftError(f"{name}: the masks have the sizes {vessel.shape} and {field.shape}")
    edge = distance_transform_edt(np.pad(field, 1))[1:-1, 1:-1] > MARGIN
    return np.argwhere(vessel & edge), np.argwhere((distance_transform_edt(~vessel) >= FAR) & edge)


def _load(files: Mapping[str, Path], key: str, halved: bool, mask: bool = False) -> NDArray[Any]:
    """Return a photograph (H, W, 3) or a mask (H, W), at half its size if asked for.

    Pillow opens it, as `data add` reads no GIF; the bytes are known, so that none is hostile.
    """
    from PIL import Image

    try:
        with Image.open(files[key]) as opened:
            image = opened.convert("L" if mask else "RGB")
            if halved:
                kind = Image.Resampling.BOX if mask else Image.Resampling.LANCZOS
                image = image.resize((image.width // 2, image.height // 2), kind)
            pixels = np.asarray(image)
    except KeyError:
        raise MedshiftError(f"no {key}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MedshiftError(f"{files[key]} cannot be decoded: {in_one_line(error)}") from error
    return pixels > 127 if mask else pixels


def select(contents: Mapping[str, str]) -> list[str]:
    """Choose the files of the set from all that the repository holds: photographs and the masks that are used."""
    shown = photographs(contents)
    return sorted(key for one in shown for key in (one.image, one.vessels, one.field) if key)
