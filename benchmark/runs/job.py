"""Jobs: the inputs of a run, and its progress callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..contract import registry
from ..contract.fitted import FittedModel
from ..contract.precision import DEFAULT, Precision
from ..contract.registry import Baseline
from ..contract.sees import Sees
from ..datasets.dataset import Dataset
from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from ..submissions import card
from .tuning import Budget


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

    @property
    def entry(self) -> str:
        """Name of the entry."""
        if isinstance(self.baseline, FittedModel):
            return self.name
        return entry_of(self.name, self.baseline, self.budget, self.precision)

    @property
    def origin(self) -> str:
        """Distribution and version of the baseline, or its module and hash; `BROUGHT` for a fitted model."""
        return card.BROUGHT if isinstance(self.baseline, FittedModel) else registry.origin(self.name)

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
        return own or (type(self.baseline).__doc__ or "").strip().split("\n")[0]

    @property
    def may_refuse(self) -> bool:
        """Whether the model may refuse images."""
        return isinstance(self.baseline, FittedModel) and self.baseline.rejections

    @property
    def folder(self) -> Path:
        """Folder of the submission."""
        return self.out / self.protocol.name / self.entry / f"seed-{self.seed}"


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
    return card.entry_name(registry.label(name), registry.overrides(baseline) | draws | other)


@dataclass(frozen=True)
class RunProgress:
    """Progress callbacks of a run.

    Args:
        line: Called with a line of text.
        track: Called with the conditions and their number; returns an iterable over them, such as a progress bar.
    """

    line: Callable[[str], None] = lambda text: None
    track: Callable[[Iterable[Condition], int], Iterable[Condition]] = lambda conditions, count: conditions
