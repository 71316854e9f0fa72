"""What a run is asked to make, and how it reports progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..contract import registry
from ..contract.fitted import FittedModel
from ..contract.registry import Baseline
from ..datasets.dataset import Dataset
from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from ..submissions import card
from .tuning import Budget


@dataclass(frozen=True)
class Job:
    """One entry of the leaderboard to be made.

    Args:
        dataset: The images.
        protocol: The terms.
        table: The protocol's truth, with a column `row`: where the data set has the sample.
        name: Name of the baseline, or `my_module:MyBaseline`; of a fitted model, what its entry is called.
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
    def origin(self) -> str:
        """Distribution and version of the baseline, or the module and its hash; of a fitted model `EXTERNAL`."""
        return card.EXTERNAL if isinstance(self.baseline, FittedModel) else registry.origin(self.name)

    @property
    def folder(self) -> Path:
        """Where the submission goes."""
        return self.out / self.protocol.name / self.entry / f"seed-{self.seed}"


@dataclass(frozen=True)
class RunProgress:
    """How a run reports what it does.

    Args:
        line: Called with a line of text.
        track: Wraps the conditions that are being worked through, to draw a bar.
    """

    line: Callable[[str], None] = lambda text: None
    track: Callable[[Iterable[Condition], int], Iterable[Condition]] = lambda conditions, count: conditions
