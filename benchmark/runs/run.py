"""The main job: fit a baseline on the source, predict and save every condition, score the saved predictions."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ...shifts.errors import MedshiftError
from ...shifts.fingerprints import fingerprint
from ...shifts.plugins import own_distribution
from ..contract import registry
from ..files.atomic import sha256, sweep
from ..files.locks import locked
from ..protocols.arrange import arrange_like
from ..protocols.condition import Condition
from ..scoring import scores
from ..submissions import card, predictions, siblings, submission
from ..submissions.expected import Expected
from . import environment, tuning
from .job import Job, RunProgress, same_settings
from .plug_ins.shifts import require_contract

if TYPE_CHECKING:
    import torch

    from ..contract.predictor import Predictor
    from ..scoring.scores import Scores
    from .parts import FinishedConditions

__all__ = ["Job", "RunProgress", "run"]


def run(job: Job, device: torch.device, progress: RunProgress, *, lasts: bool = True) -> Scores:
    """Make one submission, or resume an interrupted one, and return its scores.

    A finished submission is only read and scored.

    Args:
        job: The submission to make.
        device: From `environment.prepare`.
        progress: Receives progress.
        lasts: Whether the job's folder outlives an interruption, so that the same command can resume.

    Raises:
        MedshiftError: The baseline failed or did not return probabilities, or the folder holds a submission with other
            settings.
    """
    environment.running_code()
    job = replace(job, dataset=arrange_like(job.dataset, job.protocol, job.table))
    if (job.folder / card.CARD_FILE).exists():
        return _finished(job, progress)
    claim = job.claim()  # before anything long: what the card cannot hold ends the run now
    siblings.require_fit(job.folder, job.submitter)
    siblings.require_same_images(job.folder, job.images_sha256)
    with _alone(job, progress):
        if (job.folder / card.CARD_FILE).exists():  # another process finished it meanwhile
            return _finished(job, progress)
        return _make(job, claim, device, progress, lasts=lasts)


@contextmanager
def _alone(job: Job, progress: RunProgress) -> Iterator[None]:
    """Keep other processes from making the same submission: wait for the one that does.

    The lock is hidden beside the entries: a submission holds only its own files.
    """
    place = job.folder.parent.parent
    busy = f"{job.folder} is being run already: wait for it, or choose another --out"

    def wait(who: str) -> None:
        progress.line(f"{job.entry}, seed {job.seed}: being run by {who}, waiting for it")

    with ExitStack() as held:
        try:
            place.mkdir(parents=True, exist_ok=True)
            if not held.enter_context(locked(place / f".{job.entry}.seed-{job.seed}.lock", busy, wait)):
                progress.line(f"{place} has no file locks: nothing keeps another process from making this run, too")
        except OSError as error:
            raise MedshiftError(f"{place} cannot be written: {error.strerror or error}") from error
        sweep(job.folder)  # what killed runs left would not belong to a submission
        yield


def _make(job: Job, claim: card.BaselineClaim, device: torch.device, progress: RunProgress, *, lasts: bool) -> Scores:
    from .predict import fit_job, method_of

    require_contract(job.dataset, job.table, job.protocol)
    shifts = {name: fingerprint(name) for name in job.protocol.shifts}
    finished = _finished_conditions(job, shifts, device)
    missing = [condition for condition in job.protocol.conditions() if not finished.has(condition)]
    seconds = {"fit_s": 0.0, "predict_s": 0.0}
    fitted = not missing
    try:
        if missing or not finished.forgotten:
            with ExitStack() as held:
                fit, where = method_of(job, device, held)
                begin = time.perf_counter()
                predictor = fit_job(job, device, progress, finished, fit)
                fitted = True
                seconds["fit_s"] = time.perf_counter() - begin
                _predict(job, predictor, missing, finished, where, progress)
                seconds["predict_s"] = time.perf_counter() - begin - seconds["fit_s"]
        scored, refused = _write_predictions(job, finished)
        _write_card(job, claim, shifts, device, scored, seconds, finished, refused)
    except KeyboardInterrupt as stop:
        if lasts:
            stop.add_note(_kept(job, finished, fitted, resumes=hasattr(stop, "__notes__")))
        raise
    _delete_parts(job)
    return scored


def _kept(job: Job, finished: FinishedConditions, fitted: bool, *, resumes: bool) -> str:
    """Tell what an interruption leaves, and what the same command will do.

    Args:
        job: The job.
        finished: Its conditions.
        fitted: Whether the network is trained.
        resumes: Whether an earlier note says what is kept of its training.
    """
    conditions = job.protocol.conditions()
    done = sum(map(finished.has, conditions))
    kept = [f"{done} of {len(conditions)} conditions"] if done or fitted else []
    if job.budget.draws and not fitted:
        kept.insert(0, f"{tuning.count_scored(finished.folder)} of {job.budget.trials} draws")
    saved = f"{' and '.join(kept)} of seed {job.seed} are saved; " if kept else ""
    if fitted or resumes:
        return f"{saved}the same command resumes from there"
    what = (
        "the training that was under way" if job.budget.draws else f"training{'' if kept else f' of seed {job.seed}'}"
    )
    return f"{saved}{what} starts over with the same command"


def _finished(job: Job, progress: RunProgress) -> Scores:
    """Return the scores of a complete submission, provided that it was made with this job's settings."""
    _require_same_config(job)
    _delete_parts(job)
    progress.line(f"{job.entry}, seed {job.seed}: complete, nothing to do")
    return submission.read_scores(job.folder, job.protocol, job.table)


def _require_same_config(job: Job) -> None:
    found = card.read(job.folder)
    if not same_settings(found, job.name, job.baseline, job.protocol.sha256, job.budget, job.precision):
        raise MedshiftError(
            f"{job.folder} holds a submission made with other settings: move it away or choose another --out"
        )
    if found.dataset.images_sha256 not in (None, job.images_sha256):
        raise MedshiftError(
            f"{job.folder} holds a submission made with other images under the same names: move it away or choose "
            "another --out"
        )
    job.require_criteria(found)


def _finished_conditions(job: Job, shifts: dict[str, str], device: torch.device) -> FinishedConditions:
    """Return the conditions that an interrupted run of the same job has predicted."""
    import torch

    from .parts import FinishedConditions

    return FinishedConditions(job.folder, _run_key(job, shifts, str(device), torch.get_num_threads()))


def _run_key(job: Job, shifts: dict[str, str], device: str, threads: int) -> str:
    """Hash everything that the predictions depend on."""
    what = [job.protocol.sha256, job.name, registry.config(job.baseline), job.seed, shifts, device, threads]
    what += [registry.code(job.baseline), environment.running_code().sources, job.budget.draws, job.budget.keys]
    what += [job.precision, job.way, job.images_sha256]
    if job.criteria is not None:  # written before the run: what was predicted without them is not theirs
        what.append(job.criteria.sha256)
    return hashlib.sha256(
        json.dumps([*what, environment.packages(len(job.dataset.spatial))], sort_keys=True).encode()
    ).hexdigest()


def _predict(
    job: Job,
    predictor: Predictor,
    missing: list[Condition],
    finished: FinishedConditions,
    device: torch.device,
    progress: RunProgress,
) -> None:
    """Predict each missing condition and save it; if state survives one, nothing is kept."""
    from .predict import StateSurvives, predict_conditions

    try:
        predict_conditions(job, predictor, missing, finished, device, progress)
    except StateSurvives:
        _delete_parts(job)
        raise


def _write_predictions(job: Job, finished: FinishedConditions) -> tuple[Scores, dict[str, int]]:
    """Write the predictions of all conditions to one file; return its scores, and how many images were refused."""
    from .stream import test_stream

    parts = {
        condition.key: (
            test_stream(job.protocol, job.table, condition)["sample_id"].tolist(),
            finished.load(condition),
        )
        for condition in job.protocol.conditions()
    }
    path = job.folder / predictions.PREDICTIONS_FILE
    predictions.write(parts, path, rejections=job.may_refuse)
    seen = predictions.read_all(path, job.protocol, job.table)
    return scores.score(job.protocol, job.table, seen.arrays), seen.refused


def _write_card(
    job: Job,
    claim: card.BaselineClaim,
    shifts: dict[str, str],
    device: torch.device,
    scored: Scores,
    seconds: dict[str, float],
    finished: FinishedConditions,
    refused: dict[str, int],
) -> None:
    """Write the card, which makes the submission complete."""
    import torch

    code = environment.running_code()
    protocol, dataset = job.protocol, job.dataset
    made = card.Card(
        protocol=card.ProtocolClaim(name=protocol.name, version=protocol.version, sha256=protocol.sha256),
        dataset=card.DatasetClaim(
            name=dataset.name,
            version=dataset.version,
            truth_sha256=protocol.truth_sha256,
            images_sha256=job.images_sha256,
        ),
        baseline=claim,
        entry=job.entry,
        seed=job.seed,
        shifts=shifts,
        code=card.CodeClaim(version=own_distribution(), commit=code.commit, dirty=code.was_dirty),
        environment=card.EnvironmentClaim(
            python=platform.python_version(),
            platform=environment.system(),
            device=str(device),
            threads=torch.get_num_threads(),
            packages=environment.packages(len(dataset.spatial)),
            precision=job.precision,
        ),
        timings=card.TimingsClaim(**{name: round(value, 2) for name, value in seconds.items()}),
        predictions=card.PredictionsClaim(
            sha256=sha256(job.folder / predictions.PREDICTIONS_FILE),
            rows=Expected.of(protocol, job.table).rows,
        ),
        scores=card.claims(scored),
        submitter=job.submitter,
        tuning=tuning.record(finished.folder) if job.budget.draws else None,
        training=finished.training(),
        curve=finished.put_curve(job.folder),
        weights=finished.weights(),
        criteria=job.criteria,
        rejections=refused or None,
        process="in-process" if job.way == "in-process" else "apart",
    )
    card.write(made, job.folder)


def _delete_parts(job: Job) -> None:
    shutil.rmtree(job.folder / "parts", ignore_errors=True)
