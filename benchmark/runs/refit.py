"""The model of a submission, fitted again, and its predictions of new images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..contract.predictor import Predictor, for_condition, fresh_copy, validated_probabilities
from ..datasets.images import Images
from ..datasets.importing.collection import read_unlabelled
from ..datasets.importing.options import Options
from ..estimation.evidence import Estimate, Evidence, Source
from ..estimation.registry import estimate_all
from ..files.atomic import scratch_folder
from ..protocols.condition import Condition
from ..protocols.folder import read_protocol
from ..submissions import submission
from . import environment
from .job import Job, RunProgress
from .parts import FinishedConditions
from .predict import predict
from .rerun import job_of
from .run import fit_job
from .stream import in_hash_order, scaled_rows, test_stream
from .verify import TOLERANCE

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from ..protocols.protocol import Protocol


def estimate_images(
    folder: Path,
    source: Source,
    sites: Sequence[Path],
    names: Sequence[str],
    data: Path | None = None,
    device: str = "",
    options: Options | None = None,
    progress: RunProgress | None = None,
) -> dict[str, dict[str, Estimate]]:
    """Estimate the performance of a submission's model on folders of new images without labels.

    Args:
        folder: The submission.
        source: What is known of its model.
        sites: The folders, each of one site.
        names: The estimators.
        data: Folder of the submission's data, unless they come with medshift.
        device: Device; the card's by default.
        options: How folders of images are read; size and channels are the submission's.
        progress: Receives progress.

    Returns:
        Folder -> estimator -> estimate.
    """
    protocol, _ = read_protocol(folder.absolute().parent.parent)
    facts = protocol.dataset
    progress = progress or RunProgress()
    reading = replace(options or Options(), image_size=facts.image_size[-1], modality=facts.modality, classes=())
    if len(facts.image_size) == 2 and not reading.channels:
        reading = replace(reading, channels=facts.channels)
    seen = {site: read_unlabelled(site, replace(reading, depth=8)) for site in sites}
    for site, images in seen.items():
        have = (*images.pixels.shape[1:],)
        if have != (facts.channels, *facts.image_size):
            raise MedshiftError(
                f"{site}: images of shape {have}, the model takes {(facts.channels, *facts.image_size)}"
            )
        progress.line(f"{site}: {len(images.ids)} images")
        for note in images.notes:
            progress.line(f"{site}: {note}")
    predictor, where = refit(folder, data, device, options if data else None, progress)
    found = {}
    for site, images in seen.items():
        made = predict_images(predictor, Images(images.pixels, images.value_range), images.ids, protocol, where)
        patients = [group or name for group, name in zip(images.groups, images.ids, strict=True)]
        groups = np.unique(patients, return_inverse=True)[1].astype(np.int64)
        found[str(site)] = estimate_all(Evidence(source, made, groups), names)
    return found


def refit(
    folder: Path,
    data: Path | None = None,
    device: str = "",
    options: Options | None = None,
    progress: RunProgress | None = None,
) -> tuple[Predictor, torch.device]:
    """Fit the model of a submission again, from the cache of trained networks where it is there.

    Args:
        folder: The submission; its protocol and truth are two folders up.
        data: Folder of the data, unless they come with medshift.
        device: Device; the card's by default.
        options: How a folder of images is read.
        progress: Receives progress.

    Raises:
        MedshiftError: The submission was predicted outside of medshift, or the fitted model does not give its
            predictions of source validation.
    """
    protocol, table = read_protocol(folder.absolute().parent.parent)
    made, arrays = submission.read_submission(folder, protocol, table)
    if made.baseline.external:
        raise MedshiftError(
            f"{folder} was predicted outside of medshift: its model is not here. Predict the new images with it, as a "
            "real site of an export (`medshift export`)"
        )
    with scratch_folder("refit") as out:
        job = job_of(made, protocol, table, out, data, options)
        where = environment.prepare(device or made.environment.device, made.environment.threads, job.precision)
        predictor = fit_job(job, where, progress or RunProgress(), FinishedConditions(job.folder, "refit"))
    _require_same(job, predictor, where, arrays)
    return predictor, where


def _require_same(job: Job, predictor: Predictor, device: torch.device, arrays: dict[str, NDArray[np.float32]]) -> None:
    """Raise MedshiftError unless the model predicts source validation as the submission does."""
    (validation,) = (condition for condition in job.protocol.conditions() if condition.kind == "validation")
    rows = test_stream(job.protocol, job.table, validation)
    chosen = for_condition(fresh_copy(predictor), validation)
    again = predict(chosen, job.dataset, rows, job.protocol, validation, device)
    stored = arrays[validation.key][np.argsort(np.argsort(rows["sample_id"].to_numpy()))]
    largest = float(np.abs(again - stored).max())
    if largest > TOLERANCE:
        raise MedshiftError(
            f"the model of {job.entry}, seed {job.seed}, does not come out the same here: its probabilities on source "
            f"validation differ by up to {largest:.2g}, so the stored predictions are not those of this model. Run the "
            "baseline here (`medshift run`) and estimate from that submission"
        )


def predict_images(
    predictor: Predictor,
    images: Images,
    ids: Sequence[str],
    protocol: Protocol,
    device: torch.device,
) -> NDArray[np.float32]:
    """Predict images of a site that no protocol knows: (N, classes) probabilities, in the order of the images.

    They are streamed as a condition is: in the order of a hash of their ids, by a fresh copy of the predictor.

    Args:
        predictor: What `fit` returned.
        images: The images.
        ids: Their names.
        protocol: The model's: gives the classes, and size, batch size and seed of the stream.
        device: Where to predict.
    """
    import pandas as pd

    condition = Condition("the new images", "real")
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
        made[some] = validated_probabilities(fresh(batch), len(some), classes, condition)
    return made
