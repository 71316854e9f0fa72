"""The main job: fit a baseline on the source, predict every condition, save as it goes, score from what was saved."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ...shifts.errors import MedshiftError
from ...shifts.fingerprint import fingerprint
from ...shifts.plugins import own_distribution
from ..contract import registry, user_class
from ..contract.access import grant
from ..contract.registry import Baseline
from ..datasets.dataset import Dataset
from ..files.atomic import sha256
from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from ..scoring import scores
from ..submissions import card, predictions, submission
from . import environment
from . import tuning as tune
from .tuning import Budget

if TYPE_CHECKING:
    import torch

    from ..contract.predictor import Predictor
    from ..scoring.scores import Scores


@dataclass(frozen=True)
class Job:
    """One entry of the leaderboard to be made.

    Args:
        dataset: The images.
        protocol: The terms.
        table: The protocol's truth, with a column `row`: where the data set has the sample.
        name: Name of the baseline, or `my_module:MyBaseline`.
        baseline: The baseline itself.
        seed: Of training.
        out: The folder of submissions.
        submitter: Who answers for the entry; may be empty.
        budget: How many settings of the baseline are tried on source validation.
    """

    dataset: Dataset
    protocol: Protocol
    table: pd.DataFrame
    name: str
    baseline: Baseline
    seed: int
    out: Path
    submitter: str = ""
    budget: Budget = field(default_factory=Budget)

    @property
    def entry(self) -> str:
        """Name of the entry: the baseline and the hyper-parameters that were changed, the draws among them."""
        draws = {"tune": self.budget.draws} if self.budget.draws else {}
        return card.entry_name(registry.label(self.name), registry.overrides(self.baseline) | draws)

    @property
    def folder(self) -> Path:
        """Where the submission goes."""
        return self.out / self.protocol.name / self.entry / f"seed-{self.seed}"


@dataclass(frozen=True)
class RunProgress:
    """How a run tells what it does.

    Args:
        line: Called with a line of text.
        track: Wraps the conditions that are being worked through, to draw a bar.
    """

    line: Callable[[str], None] = lambda text: None
    track: Callable[[Iterable[Condition], int], Iterable[Condition]] = lambda conditions, count: conditions


def run(job: Job, device: torch.device, watch: RunProgress) -> Scores:
    """Makes one submission, or finishes one that was interrupted, and returns its scores.

    A finished submission is scored again from its predictions, and nothing else is done.

    Args:
        job: What to make.
        device: From `environment.prepare`.
        watch: Where progress goes.

    Raises:
        MedshiftError: The baseline failed or gave no probabilities, or a submission made otherwise is in the way.
    """
    import torch

    shifts = {name: fingerprint(name) for name in job.protocol.shifts}
    made_by = _run_key(job, shifts, str(device), torch.get_num_threads())
    if (job.folder / card.CARD_FILE).exists():
        _require_same_config(job)
        _delete_parts(job)
        watch.line(f"{job.entry}, seed {job.seed}: complete, nothing to do")
    else:
        fit_s, predict_s = _predict_all(job, device, made_by, watch)
        _write(job, shifts, device, made_by, fit_s, predict_s)
    _, read = submission.load(job.folder, job.protocol, job.table)
    return scores.score(job.protocol, job.table, read)


def _run_key(job: Job, shifts: dict[str, str], device: str, threads: int) -> str:
    """Returns a hash of all that the predictions depend on."""
    what = [job.protocol.sha256, job.name, registry.config(job.baseline), job.seed, shifts, device, threads]
    what += [registry.code(job.baseline), environment.sources(), job.budget.draws, job.budget.keys]
    return hashlib.sha256(json.dumps([*what, environment.packages()], sort_keys=True).encode()).hexdigest()


def _require_same_config(job: Job) -> None:
    there = card.read(job.folder)
    tuning = Budget(there.tuning.draws, tuple(there.tuning.searched)) if there.tuning else Budget()
    mine = (registry.config(job.baseline), job.protocol.sha256, job.budget)
    moved = user_class.is_spec(job.name) and there.baseline.distribution != registry.origin(job.name)
    if moved or (there.baseline.config, there.protocol.sha256, tuning) != mine:
        raise MedshiftError(f"{job.folder} holds a submission made otherwise: move it away or choose another --out")


def _predict_all(job: Job, device: torch.device, made_by: str, watch: RunProgress) -> tuple[float, float]:
    """Predicts what is not yet predicted; returns the seconds that fitting and predicting took, this time."""
    from ..contract.predictor import for_condition, fresh_copy
    from .parts import FinishedConditions
    from .predict import check_forgotten, predict
    from .stream import test_stream

    parts = FinishedConditions(job.folder, made_by)
    missing = [condition for condition in job.protocol.conditions() if not parts.has(condition)]
    if not missing:
        return 0.0, 0.0
    begin = time.perf_counter()
    predictor = _fit(job, device, watch, parts.folder)
    fitted = time.perf_counter()
    for condition in watch.track(missing, len(missing)):
        rows = test_stream(job.protocol, job.table, condition)
        if not len(rows):
            raise MedshiftError(f"condition {condition.key!r} has no images: leave its domain out with --targets")
        chosen = for_condition(fresh_copy(predictor), condition)
        parts.save(condition, predict(chosen, job.dataset, rows, job.protocol, condition, device))
    first = missing[0]
    rows = test_stream(job.protocol, job.table, first)
    try:
        check_forgotten(predictor, job.dataset, rows, job.protocol, first, device, parts.load(first))
    except MedshiftError:
        _delete_parts(job)
        raise
    return fitted - begin, time.perf_counter() - fitted


def _fit(job: Job, device: torch.device, watch: RunProgress, keep: Path) -> Predictor:
    address = (job.dataset.digest(), job.protocol.truth_sha256, job.protocol.source)
    written = registry.code(job.baseline)
    access = grant(
        job.dataset,
        job.table,
        job.protocol.source,
        job.protocol.targets,
        job.baseline.sees,
        job.seed,
        device,
        hashlib.sha256(" ".join([*address, *([written] if written else [])]).encode()).hexdigest(),
        watch.line,
    )
    watch.line(
        f"{job.entry}, seed {job.seed}: fitting on {len(access.train)} images of {job.protocol.source!r} "
        f"({', '.join(job.dataset.classes)}), choosing by {len(access.val)}"
    )
    if job.budget.draws:
        return tune.tune_baseline(job.baseline, job.budget, access, job.protocol.batch_size, keep).fit(access)
    return job.baseline.fit(access)


def _write(
    job: Job, shifts: dict[str, str], device: torch.device, made_by: str, fit_s: float, predict_s: float
) -> None:
    """Assembles the parts, scores what was written, and writes the card last."""
    import torch

    from .parts import FinishedConditions
    from .stream import test_stream

    parts = FinishedConditions(job.folder, made_by)
    conditions = job.protocol.conditions()
    streams = {c.key: test_stream(job.protocol, job.table, c)["sample_id"].tolist() for c in conditions}
    path = job.folder / predictions.PREDICTIONS_FILE
    predictions.write({c.key: (streams[c.key], parts.load(c)) for c in conditions}, path)
    scored = scores.score(job.protocol, job.table, predictions.read(path, job.protocol, job.table))
    commit, dirty = environment.commit()
    made = card.Card(
        protocol=card.ProtocolClaim(name=job.protocol.name, version=job.protocol.version, sha256=job.protocol.sha256),
        dataset=card.DatasetClaim(
            name=job.dataset.name, version=job.dataset.version, truth_sha256=job.protocol.truth_sha256
        ),
        baseline=card.BaselineClaim(
            name=registry.label(job.name),
            distribution=registry.origin(job.name),
            sees=job.baseline.sees,
            summary=(type(job.baseline).__doc__ or "").strip().split("\n")[0],
            config=registry.config(job.baseline),
        ),
        entry=job.entry,
        seed=job.seed,
        shifts=shifts,
        code=card.CodeClaim(version=own_distribution(), commit=commit, dirty=dirty),
        environment=card.EnvironmentClaim(
            python=platform.python_version(),
            platform=environment.system(),
            device=str(device),
            threads=torch.get_num_threads(),
            packages=environment.packages(),
        ),
        timings=card.TimingsClaim(fit_s=round(fit_s, 2), predict_s=round(predict_s, 2)),
        predictions=card.PredictionsClaim(sha256=sha256(path), rows=sum(map(len, streams.values()))),
        scores=card.claims(scored),
        submitter=job.submitter,
        tuning=tune.record(parts.folder) if job.budget.draws else None,
    )
    card.write(made, job.folder)
    _delete_parts(job)


def _delete_parts(job: Job) -> None:
    shutil.rmtree(job.folder / "parts", ignore_errors=True)
