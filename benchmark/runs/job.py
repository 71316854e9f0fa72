"""Jobs: the inputs of a run, and its progress callbacks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import ValidationError

from ...shifts.errors import MedshiftError
from ..contract import registry, user_class
from ..contract.access import Access, grant
from ..contract.apart.described import is_foreign
from ..contract.apart.way import Way
from ..contract.fitted import FittedModel
from ..contract.precision import DEFAULT, Precision
from ..contract.registry import Baseline
from ..contract.sees import Sees
from ..contract.training_record import TrainingRecord
from ..datasets.dataset import Dataset
from ..datasets.importing.options import Options
from ..datasets.importing.rows.paths import linked_folders
from ..datasets.manifest import local_sha256
from ..files.schema import first_problem
from ..files.text import visible
from ..protocols.condition import Condition
from ..protocols.protocol import CriteriaClaim, Protocol
from ..submissions import card
from ..submissions.fields import BROUGHT, entry_name
from .tuning import Budget

if TYPE_CHECKING:
    import torch

EXACT = 2**53  # below which every whole number is a float


@dataclass(frozen=True)
class Job:
    """One submission to be made: a baseline with its settings and seed, on a protocol.

    Args:
        dataset: The images.
        protocol: The protocol.
        table: The protocol's truth, with a column `row`: the position of the sample in the data set.
        name: Name of the baseline, or `my_module:MyBaseline`; for a fitted model, its entry name.
        baseline: The baseline itself.
        seed: Seed of training.
        out: Folder of submissions.
        submitter: Who answers for the entry; may be empty.
        budget: Tuning budget: the number of settings tried on source validation.
        precision: Number format that networks compute in; `environment.prepare` must have been given it, too.
        criteria: Acceptance criteria, which the card records.
        way: Where the method runs: in a process of its own, in one for each condition (methods that learn from test
            batches), or in this process, where the labels are.
        hidden: Folders that the method's process is not to read, besides those of medshift's home and of the protocol.
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
    precision: Precision = DEFAULT
    criteria: CriteriaClaim | None = None
    way: Way = "in-process"
    hidden: tuple[Path, ...] = ()

    @cached_property
    def images_sha256(self) -> str | None:
        """Hash of a folder's images (`manifest.local_sha256`)."""
        return local_sha256(self.dataset, self.table)

    @property
    def entry(self) -> str:
        """Name of the entry."""
        if isinstance(self.baseline, FittedModel):
            return self.name
        return entry_of(self.name, self.baseline, self.budget, self.precision)

    @property
    def origin(self) -> str:
        """Distribution and version of the baseline, or its module and hash; `BROUGHT` for a fitted model."""
        return BROUGHT if isinstance(self.baseline, FittedModel) else registry.origin(self.name)

    @property
    def label(self) -> str:
        """Name of the method, with which the entry's name begins."""
        return self.name.partition("+")[0] if isinstance(self.baseline, FittedModel) else registry.label(self.name)

    @property
    def sees(self) -> Sees:
        """Access level for the card; that of a fitted model is its author's word."""
        return self.baseline.stated if isinstance(self.baseline, FittedModel) else self.baseline.sees

    @property
    def summary(self) -> str:
        """One line about the method, for the card."""
        own = self.baseline.summary if isinstance(self.baseline, FittedModel) else ""
        return visible(own or (type(self.baseline).__doc__ or "").strip().split("\n")[0])

    def claim(self) -> card.BaselineClaim:
        """Describe the method as the card does.

        Raises:
            MedshiftError: A card cannot hold its seed, name or configuration, so that no run of it could end.
        """
        if self.seed > card.LARGEST_SEED:
            raise MedshiftError(f"a card cannot hold seed {self.seed}: the largest is {card.LARGEST_SEED}")
        fitted = isinstance(self.baseline, FittedModel)
        problem = "" if fitted else registry.unstorable(self.name, self.baseline)
        if problem:
            raise MedshiftError(problem)
        try:
            return card.BaselineClaim(
                name=self.label,
                distribution=self.origin,
                sees=self.sees,
                summary=self.summary,
                config=registry.config(self.baseline),
            )
        except ValidationError as error:
            raise MedshiftError(f"a card cannot hold baseline {self.name!r}: {first_problem(error)}") from None

    @property
    def may_refuse(self) -> bool:
        """Whether the model may refuse images."""
        return isinstance(self.baseline, FittedModel) and self.baseline.rejections

    @property
    def folder(self) -> Path:
        """Folder of the submission."""
        return self.out / self.protocol.name / self.entry / f"seed-{self.seed}"

    def require_criteria(self, found: card.Card) -> None:
        """Refuse criteria that a finished submission was not made with: they are written before a run.

        Raises:
            MedshiftError: The submission's card has other criteria than the job, or none.
        """
        if self.criteria is not None and found.criteria != self.criteria:
            made = "with other criteria" if found.criteria else "without criteria"
            raise MedshiftError(
                f"{self.folder} holds a submission made {made}, and criteria are registered before a run: leave "
                "--criteria out, or choose another --out"
            )


def entry_of(name: str, baseline: Baseline, tried: Budget, precision: Precision) -> str:
    """Name an entry: the baseline, its changed hyper-parameters, the number of tuning draws, and the precision.

    Args:
        name: Name of the baseline, or `my_module:MyBaseline`; for a fitted model, its entry name.
        baseline: The baseline itself.
        tried: Tuning budget.
        precision: Number format that networks compute in.
    """
    draws = {"tune": tried.draws} if tried.draws else {}
    other = {"precision": precision} if precision != DEFAULT else {}
    return entry_name(registry.label(name), registry.overrides(baseline) | draws | other)


def same_settings(
    found: card.Card, name: str, baseline: Baseline, protocol_sha256: str, tried: Budget, precision: Precision
) -> bool:
    """Return whether a submission was made as a job makes it: its settings, protocol, code of a user's class, access.

    Args:
        found: Its card.
        name: As of `entry_of`.
        baseline: As of `entry_of`.
        protocol_sha256: Hash of the protocol.
        tried: As of `entry_of`.
        precision: As of `entry_of`.
    """
    return made_key(found, name) == settings_key(name, baseline, protocol_sha256, tried, precision)


def settings_key(name: str, baseline: Baseline, protocol_sha256: str, tried: Budget, precision: Precision) -> str:
    """Hash what a submission is made with; see `same_settings` for the arguments."""
    sees = baseline.stated if isinstance(baseline, FittedModel) else baseline.sees
    code = registry.origin(name) if user_class.is_spec(name) else ""
    return _key(registry.config(baseline), sees, protocol_sha256, tried, precision, code)


def made_key(found: card.Card, name: str) -> str:
    """Hash what a finished submission was made with: the `settings_key` of a job that would make it again.

    Args:
        found: Its card.
        name: Name of the baseline, or `my_module:MyBaseline`, whose code counts then.
    """
    tuned = Budget(found.tuning.draws, tuple(found.tuning.searched)) if found.tuning else Budget()
    code = found.baseline.distribution if user_class.is_spec(name) else ""
    claim = found.baseline
    return _key(claim.config, claim.sees, found.protocol.sha256, tuned, found.environment.precision, code)


def _key(config: Mapping[str, object], sees: str, protocol: str, tried: Budget, precision: str, code: str) -> str:
    # 1 and 1.0 are the same setting; whole numbers that no float holds are written as they are
    plain = {key: float(value) if type(value) is int and abs(value) < EXACT else value for key, value in config.items()}
    what = [plain, sees, protocol, tried.draws, list(tried.keys), precision, code]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class RunProgress:
    """Progress callbacks of a run.

    Args:
        line: Called with a line of text.
        track: Called with the conditions and their number; returns an iterable over them, such as a progress bar.
    """

    line: Callable[[str], None] = lambda text: None
    track: Callable[[Iterable[Condition], int], Iterable[Condition]] = lambda conditions, count: conditions


def folders_of_data(data: Path | None, options: Options | None) -> tuple[Path, ...]:
    """List the folders in which a run's images lie, which its method is not to read: what links lead to counts."""
    if data is None:
        return ()
    return (data, *(linked_folders(data) if options and options.follow_links and data.is_dir() else ()))


def access_of(
    job: Job,
    device: torch.device,
    report: Callable[[str], None],
    trained: Callable[[TrainingRecord], None] = lambda record: None,
) -> Access:
    """Return the data of the access level that a job's baseline declares, and nothing else.

    Args:
        job: Its data set is arranged as its protocol needs it (`arrange_like`).
        device: Device of the run.
        report: Called with a line of progress.
        trained: Called with the record of a training on the source.
    """
    code, digest = registry.code(job.baseline), job.dataset.digest()
    protocol = job.protocol
    content = [digest, protocol.truth_sha256, protocol.source, *([code] if code else [])]
    if protocol.size:
        content.append(f"size {protocol.size}")
    access = grant(
        job.dataset,
        job.table,
        protocol.source,
        protocol.targets,
        job.baseline.sees,
        job.seed,
        device,
        hashlib.sha256(" ".join(content).encode()).hexdigest(),
        report,
        trained,
        digest,
        protocol.mixed,
        protocol.size,
        stored_order=not is_foreign(job.name),  # medshift's own draw at random, and their entries are to be repeatable
    )
    return replace(access, precision=job.precision)
