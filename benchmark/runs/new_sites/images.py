"""Images of a new site: read as the model's protocol needs them, and predicted as a condition is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...contract.predictor import Predictor, for_condition, fresh_copy, validated_probabilities
from ...datasets.images import Images
from ...datasets.importing.collection import Unlabelled, read_unlabelled
from ...datasets.importing.formats.nifti.notes import voxel_of
from ...datasets.importing.formats.sniff import by_name
from ...datasets.importing.formats.value_range import given_for_all
from ...datasets.importing.options import Options
from ...protocols.condition import Condition
from ..job import RunProgress
from ..predict import refusals
from ..stream import in_hash_order, scaled_rows

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from ...datasets.dataset import Dataset
    from ...protocols.protocol import Protocol

OF_LABELS = ("classes", "label_column", "label_contains", "drop_labels", "domain_from", "group_column", "merge_rows")
ASKED = ("--value-range", "--window", "--fit", "--voxel-mm")  # options on which the scale of values or sizes depends
NewSites = Mapping[Path, Unlabelled]


def read_sites(
    folders: Sequence[Path],
    protocol: Protocol,
    options: Options | None = None,
    progress: RunProgress | None = None,
    dataset: Dataset | None = None,
) -> NewSites:
    """Read folders of images without labels, each of one site.

    Args:
        folders: The folders.
        protocol: The model's: gives size and channels.
        options: How they are read.
        progress: Receives progress.
        dataset: The model's data: the range of values that was given for them, and the size of their voxels, are those
            of the folders, unless the options say otherwise.

    Raises:
        MedshiftError: A folder holds no image, an image cannot be read, its shape is not the model's, the range of the
            model's data is of files of another depth, or the size of their voxels is not known.
    """
    facts = protocol.dataset
    progress = progress or RunProgress()
    # labels, groups and sites of the model's data are not those of the folder
    unsaid = {name: getattr(Options(), name) for name in OF_LABELS}
    reading = replace(options or Options(), **unsaid, image_size=facts.image_size[-1], modality=facts.modality)
    if len(facts.image_size) == 2 and not reading.channels:
        reading = replace(reading, channels=facts.channels)
    voxel = voxel_of(dataset.notes) if dataset and not reading.voxel_mm else None
    stored = given_for_all(dataset.notes, dataset.value_range) if dataset and _asks_for_no_scale(reading) else None
    if stored:
        reading = replace(reading, value_ranges=(f"{stored[0]!r},{stored[1]!r}",))
    seen, resampled = {}, False
    for folder in folders:
        known = reading.voxel_mm or (voxel if voxel and _holds_volumes(folder) else None)
        resampled |= known is not None and not reading.voxel_mm
        images = read_unlabelled(folder, replace(reading, depth=8, voxel_mm=known))
        have = (*images.pixels.shape[1:],)
        if have != (facts.channels, *facts.image_size):
            raise MedshiftError(
                f"{folder}: images of shape {have}, the model takes {(facts.channels, *facts.image_size)}"
            )
        if not known and voxel_of(images.notes):
            raise MedshiftError(
                f"{folder}: volumes, and the voxel size of the model's data is not known: give it with --voxel-mm, as "
                "volumes of another extent would get another one"
            )
        if dataset and stored:
            _require_depth(folder, images.depths, dataset.pixels.dtype.name, stored)
        progress.line(f"{folder}: {len(images.ids)} images")
        for note in images.notes:
            progress.line(f"{folder}: {note}")
        seen[folder] = images
    if folders:
        same = [*(["--value-range"] if stored else []), *(["--voxel-mm"] if resampled else [])]
        progress.line(as_said(same))
    return seen


def as_said(same: Sequence[str]) -> str:
    """Say which options of new sites are those of the model's data, and which the user answers for."""
    one = "is that" if len(same) == 1 else "are those"
    taken = f"{' and '.join(same)} of new sites {one} with which the model's data were read; " if same else ""
    rest = ", ".join(option for option in ASKED if option not in same)
    return (
        f"{taken}images of new sites are read as these options say: they must be those with which the model's data "
        f"were read ({rest} and others, also where those were stored by `medshift data add`)"
    )


def _holds_volumes(folder: Path) -> bool:
    """Return whether any file of a folder is named as NIfTI, the only kind that has a voxel size."""
    return any(by_name(path.name) == "NIfTI" for path in folder.rglob("*"))


def _asks_for_no_scale(options: Options) -> bool:
    return not options.value_ranges and options.window in ("", "none")


def _require_depth(folder: Path, depths: Sequence[int], dtype: str, stored: tuple[float, float]) -> None:
    """Raise MedshiftError if files are of another depth than those whose range of values they take."""
    kinds = {0: "float32", **dict.fromkeys(range(1, 9), "uint8")}
    other = sorted({bits for bits in depths if kinds.get(bits, "uint16") != dtype})
    if other:
        have = f"{other[0]}-bit images" if other[0] else "images of floats"
        raise MedshiftError(
            f"{folder}: {have}, and the model's data are {dtype} with values from {stored[0]:g} to {stored[1]:g}: say "
            "with --value-range LOW,HIGH which values are black and white in the folder"
        )


def predict_images(
    predictor: Predictor,
    images: Images,
    ids: Sequence[str],
    protocol: Protocol,
    device: torch.device,
    site: str = "the new images",
) -> NDArray[np.float32]:
    """Predict images of a site that no protocol knows: (N, classes) probabilities, in the order of the images.

    They are streamed as a condition is: in the order of a hash of their ids, by a fresh copy of the predictor.

    Args:
        predictor: What `fit` returned.
        images: The images.
        ids: Their names.
        protocol: The model's: gives the classes, and size, batch size and seed of the stream.
        device: Where to predict.
        site: Their folder, named in errors.

    Returns:
        The probabilities; NaN for images that a model refuses which may.
    """
    import pandas as pd

    condition = Condition(site, "real")
    rows: pd.DataFrame = in_hash_order(
        pd.DataFrame({"sample_id": list(ids), "row": np.arange(len(ids))}), protocol.seed
    )
    order = rows["row"].to_numpy(dtype=np.int64)
    fresh = for_condition(fresh_copy(predictor), condition)
    classes = len(protocol.dataset.classes)
    made = np.empty((len(order), classes), np.float32)
    for start in range(0, len(order), protocol.batch_size):
        some = order[start : start + protocol.batch_size]
        batch = scaled_rows(images, some, protocol.size, device)
        made[some] = validated_probabilities(fresh(batch), len(some), classes, condition, **refusals(predictor))
    return made
