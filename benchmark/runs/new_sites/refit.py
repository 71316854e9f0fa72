"""The model of a finished job, fitted again, and estimates of its performance on images of new sites."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...contract.apart.described import is_foreign
from ...contract.predictor import Predictor, for_condition, fresh_copy
from ...datasets.images import Images
from ...datasets.importing.options import Options
from ...estimation.evidence import Estimate, Evidence, no_estimate
from ...estimation.registry import estimate_all
from ...estimation.stored import REFUSED, require_supported, source_evidence
from ...files.atomic import scratch_folder
from ...protocols.folder import read_protocol
from ...scoring.bootstrap import resampled_splits
from ...submissions import submission
from .. import environment
from ..job import Job, RunProgress, folders_of_data
from ..parts import FinishedConditions
from ..predict import fit_job, method_of, predict
from ..stream import test_stream
from ..verification.plausible import require_plausible
from ..verification.rerun import baseline_name, baseline_of, job_of
from ..verification.verify import TOLERANCE
from .images import NewSites, predict_images

if TYPE_CHECKING:
    import torch

    from ...contract.apart.way import Way


def estimate_new_sites(
    folder: Path,
    job: Job,
    sites: NewSites,
    names: Sequence[str],
    device: torch.device,
    progress: RunProgress | None = None,
) -> dict[str, dict[str, Estimate]]:
    """Estimate the performance of a submission's model on images of new sites, without labels.

    Args:
        folder: The submission.
        job: The job that made it.
        sites: The images, by folder.
        names: The estimators.
        device: From `environment.prepare`.
        progress: Receives progress.

    Returns:
        Folder -> estimator -> estimate.

    Raises:
        MedshiftError: The protocol ranks by what is not estimated, or the fitted model does not give the submission's
            predictions of source validation.
    """
    protocol, table = read_protocol(folder.absolute().parent.parent)
    require_supported(protocol)
    card, arrays = submission.read_submission(folder, protocol, table)
    refused = card.rejections or {}
    if any(condition.key in refused for condition in protocol.conditions() if condition.kind != "real"):
        reason = no_estimate(REFUSED.format(domain=protocol.source))
        return {str(site): dict.fromkeys(names, reason) for site in sites}
    source = source_evidence(protocol, resampled_splits(protocol, table, 0), arrays)
    found = {}
    with ExitStack() as held:
        fit, where = method_of(job, device, held)
        with scratch_folder("refit") as scratch:  # its records exist already
            finished = FinishedConditions(scratch, "refit")
            predictor = fit_job(job, device, progress or RunProgress(), finished, fit)
        _require_same(job, predictor, where, arrays)
        for site, images in sites.items():
            pixels = Images(images.pixels, images.value_range)
            made = predict_images(predictor, pixels, images.ids, protocol, where, str(site))
            patients = [group or name for group, name in zip(images.groups, images.ids, strict=True)]
            groups = np.unique(patients, return_inverse=True)[1].astype(np.int64)
            if np.isnan(made).any():
                found[str(site)] = dict.fromkeys(names, no_estimate(REFUSED.format(domain=site)))
            else:
                found[str(site)] = estimate_all(Evidence(source, made, groups), names)
    return found


def stored_job(
    folder: Path,
    out: Path,
    data: Path | None = None,
    device: str = "",
    options: Options | None = None,
    *,
    force: bool = False,
) -> tuple[Job, torch.device]:
    """Return the job that made a submission, from its card, and the device to fit it on.

    Args:
        folder: The submission; its protocol and truth are two folders up.
        out: Folder for what fitting writes.
        data: Folder of the data, unless they come with medshift.
        device: Device; the card's by default.
        options: How a folder of images is read.
        force: Fit it even if its card asks for an absurdly long or large run.

    Raises:
        MedshiftError: The submission was predicted outside of medshift, or fitting it would be absurdly long or large.
    """
    protocol, table = read_protocol(folder.absolute().parent.parent)
    made, _ = submission.read_submission(folder, protocol, table)
    if made.baseline.brought:
        raise MedshiftError(
            f"{folder}: the model was brought and is not in the submission. Test it again with the new images: "
            "`medshift test MODEL ... --unlabelled DIR`"
        )
    if made.baseline.external:
        raise MedshiftError(
            f"{folder} was predicted outside of medshift: its model is not here. Predict the new images with it, as a "
            "real site of an export (`medshift export`)"
        )
    way: Way = "apart" if is_foreign(baseline_name(made.baseline)) else "in-process"  # as it was run
    if not force:
        require_plausible(made, baseline_of(made.baseline, way), protocol, len(table))
    job = job_of(made, protocol, table, out, data, options, way)
    job = replace(job, way=way, hidden=(folder.absolute().parent.parent, *folders_of_data(data, options)))
    used = device or made.environment.device
    where = environment.prepare(used, made.environment.threads, job.precision, here=way == "in-process")
    return job, where


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
