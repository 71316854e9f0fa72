"""The method of a job: fitted on what it may see, and its predictions, with the check that no state survives one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ...shifts import catalogue
from ...shifts.errors import MedshiftError
from ..contract.access import Access
from ..contract.apart.remote import RemotePredictor
from ..contract.fitted import FittedModel, FittedPredictor
from ..contract.predictor import Predictor, for_condition, fresh_copy, require_predictor, validated_probabilities
from ..datasets.dataset import Dataset
from ..datasets.streaming.ahead import made_ahead
from ..files.wording import plural
from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from ..protocols.untested import require_adaptation
from . import tuning
from .job import Job, RunProgress, access_of
from .stream import condition_batches, test_stream
from .study_notes import epochs_note
from .tuning import Fit

if TYPE_CHECKING:
    from contextlib import ExitStack

    from .parts import FinishedConditions

HINT = "; if NaN says that it cannot process an image, give --rejections (in Python, rejections=True)"
ROUNDING = 1e-4  # tolerance of a probability: GPUs sum in varying order


class Refusals(TypedDict):
    """What the check of predictions is told of a model that may refuse images."""

    rejections: bool
    hint: str


def _grant(job: Job, device: torch.device, progress: RunProgress, finished: FinishedConditions) -> Access:
    protocol = job.protocol
    require_adaptation(job.entry, job.baseline.sees, protocol, job.table)
    access = access_of(job, device, progress.line, finished.save_training)
    access = replace(access, starts_from=finished.save_weights)
    if isinstance(job.baseline, FittedModel):
        progress.line(f"{job.entry}: fitted already, nothing is trained")
        return access
    domains = f"{protocol.source!r} and {protocol.mixed!r}" if protocol.mixed else repr(protocol.source)
    progress.line(
        f"{job.entry}, seed {job.seed}: fitting on {len(access.train)} images of {domains} "
        f"({', '.join(job.dataset.classes)}), validating on {len(access.val)}: "
        f"{plural(len(access.train) + len(access.val), 'label')}{epochs_note(job.baseline, len(access.train))}"
    )
    return access


def fit_job(
    job: Job,
    device: torch.device,
    progress: RunProgress,
    finished: FinishedConditions,
    fit: Fit = tuning.fit_here,
) -> Predictor:
    """Fit a job's baseline, tuned if it is to be, on the data of its access level; `finished` gets the records."""
    access = _grant(job, device, progress, finished)
    chosen = job.baseline
    if job.budget.draws:
        chosen = tuning.tune_baseline(chosen, job.budget, access, job.protocol.batch_size, finished.folder, fit)
    finished.forget_records()  # of draws, which may start from other weights
    return fit(chosen, access)


def method_of(job: Job, device: torch.device, held: ExitStack) -> tuple[Fit, torch.device]:
    """Return what fits a job's baseline, and where the images go that its predictor is given.

    Args:
        job: The job.
        device: Where the method computes.
        held: Ends the method's process, if it has one of its own.
    """
    if job.way == "in-process":
        return lambda chosen, access: require_predictor(tuning.fit_here(chosen, access), job.name), device
    from ..contract.apart.method import MethodApart, Terms

    hidden = (*job.hidden, job.out / job.protocol.name)
    each = job.way == "per-condition" and job.sees == "test-batches"
    terms = Terms(job.name, torch.get_num_threads(), hidden, each)
    return MethodApart(terms, held).fit, torch.device("cpu")


def predict(
    fresh: Predictor,
    dataset: Dataset,
    rows: pd.DataFrame,
    protocol: Protocol,
    condition: Condition,
    device: torch.device,
) -> NDArray[np.float32]:
    """Predict probabilities (N, K) of the rows, in their order.

    Args:
        fresh: A predictor that has seen no condition.
        dataset: The images.
        rows: In the order of the stream, with columns sample_id and row.
        protocol: Gives batch size, shift seed and grey levels.
        condition: The condition, with its shift.
        device: Where to predict.

    Raises:
        MedshiftError: The predictor returned something other than probabilities; the message names the condition.
    """
    classes = len(dataset.classes)
    made = condition_batches(dataset, rows, protocol, condition, device)
    # another package's shift may draw from the global generators, from which a method in this process draws, too
    alone = condition.shift in catalogue.TABLE.plugins and not isinstance(fresh, RemotePredictor)
    with nullcontext(made) if alone else made_ahead(made, device) as batches:
        found = [
            validated_probabilities(fresh(images), len(images), classes, condition, **refusals(fresh))
            for images in batches
        ]
    return np.concatenate(found)


class StateSurvives(MedshiftError):
    """What was learnt in one condition changes the predictions of another."""


def predict_conditions(
    job: Job,
    predictor: Predictor,
    missing: Sequence[Condition],
    finished: FinishedConditions,
    device: torch.device,
    progress: RunProgress,
) -> None:
    """Predict each missing condition with a fresh copy, save it, and check that no state survives.

    Args:
        job: The job.
        predictor: What `fit` returned.
        missing: The conditions; none if all were predicted by a run that was stopped before the check.
        finished: Gets the predictions; what an earlier process left there is predicted again if this model differs.
        device: Where the predictor takes its images.
        progress: Receives progress.

    Raises:
        StateSurvives: A condition is predicted differently by what has seen no other.
    """
    in_new_process = getattr(predictor, "in_new_process", None)
    if in_new_process is not None:
        predictor.keep()  # type: ignore[attr-defined]  # of one in a process of its own
    missing = _still_missing(job, predictor, missing, finished, device, progress)
    for condition in progress.track(missing, len(missing)):
        rows = test_stream(job.protocol, job.table, condition)
        if not len(rows):
            raise MedshiftError(f"condition {condition.key!r} has no images: leave its domain out with --targets")
        chosen = for_condition(fresh_copy(predictor), condition)
        finished.save(condition, predict(chosen, job.dataset, rows, job.protocol, condition, device))
    # in a process that has seen no condition the first would come out in any case, and the method must not know which
    predicted = missing or job.protocol.conditions()
    first = secrets.choice(predicted[1:] or predicted) if in_new_process else predicted[0 if missing else -1]
    _check_again(job, in_new_process() if in_new_process else fresh_copy(predictor), first, finished, device)
    finished.note_forgotten()


def _check_again(
    job: Job, fresh: Predictor, condition: Condition, finished: FinishedConditions, device: torch.device
) -> None:
    """Check that a predictor that has seen no condition predicts one as it was saved."""
    rows = test_stream(job.protocol, job.table, condition)
    check_forgotten(fresh, job.dataset, rows, job.protocol, condition, device, finished.load(condition))


def _still_missing(
    job: Job,
    predictor: Predictor,
    missing: Sequence[Condition],
    finished: FinishedConditions,
    device: torch.device,
    progress: RunProgress,
) -> Sequence[Condition]:
    """Return what is to be predicted: all, if what an earlier process left is not predicted so by this model.

    The check at the end sees only what this process has predicted, and none sees that two models made the parts. What
    came first in that process had seen no other condition, so another one is looked at.
    """
    conditions = job.protocol.conditions()
    earlier = [condition for condition in conditions if condition not in missing]
    if not earlier:
        return missing
    one = secrets.choice(earlier[1:] or earlier)
    try:
        _check_again(job, fresh_copy(predictor), one, finished, device)
    except StateSurvives:
        progress.line(
            f"{job.entry}, seed {job.seed}: the model predicts {one.key!r} otherwise than the interrupted run did, "
            f"by chance in fitting or by state from other conditions: {plural(len(earlier), 'condition')} start over"
        )
        finished.discard()
        return conditions
    return missing


def refusals(predictor: Predictor) -> Refusals:
    """Return whether a predictor may refuse images: a fitted model of which this was said; if not, how to say it."""
    if not isinstance(predictor, FittedPredictor):
        return {"rejections": False, "hint": ""}
    return {"rejections": predictor.rejections, "hint": "" if predictor.rejections else HINT}


def check_forgotten(
    fresh: Predictor,
    dataset: Dataset,
    rows: pd.DataFrame,
    protocol: Protocol,
    condition: Condition,
    device: torch.device,
    before: NDArray[np.float32],
) -> None:
    """Predict a condition's first batch again, after all others: a fresh copy must give the same result.

    This finds state that bypasses the copies (class attributes, globals, closures, global random numbers), as far as it
    changes these predictions. In one process it guards against mistakes: what remembers its answers gives them again.

    Args:
        fresh: A copy that has seen no condition, or is in a process that has seen none.
        dataset: The images.
        rows: Of the condition, in the order of the stream.
        protocol: As for `predict`.
        condition: A condition that was predicted.
        device: Where to predict.
        before: Its predictions, (N, K).

    Raises:
        StateSurvives: The predictions differ by more than rounding.
    """
    first = rows.iloc[: protocol.batch_size]
    again = predict(for_condition(fresh, condition), dataset, first, protocol, condition, device)
    before = before[: len(again)]
    refused = np.isnan(before)
    if (np.isnan(again) != refused).any() or np.abs(np.where(refused, 0, again - before)).max() > ROUNDING:
        raise StateSurvives(
            f"condition {condition.key!r} is predicted differently after the others: state of one condition reaches "
            "another. Keep all state in the object that fit returns, not in classes, globals or closures; use no "
            "global random numbers; set networks to evaluation mode. Nothing was saved"
        )
