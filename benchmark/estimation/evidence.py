"""The contract of an estimator: what it may look at, and what it returns.

An estimator is a function `estimate(evidence) -> Estimate`. Labels of the target do not exist in the evidence, and its
arrays are read-only: the same ones are measured by, and go to the other estimators.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from .statistics import Reference, reference, sums

Kept = TypeVar("Kept")
Kind = TypeVar("Kind", bound=np.generic)
LEVEL = 0.9  # of the intervals


@dataclass(frozen=True)
class Estimate:
    """Performance at a site as estimated without its labels.

    Args:
        value: Balanced accuracy; NaN if the estimator abstains.
        low: Lower end of the 90 % interval; NaN without an interval.
        high: Upper end, likewise.
        reason: Why the estimator abstains; empty if it does not.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    reason: str = ""

    @property
    def given(self) -> bool:
        """Whether the estimator gave a value."""
        return not math.isnan(self.value)


def no_estimate(reason: str) -> Estimate:
    """Abstain from an estimate, with the reason."""
    return Estimate(math.nan, reason=reason)


def _read_only(array: NDArray[Kind]) -> NDArray[Kind]:
    """Return a view that cannot be written to; the array itself stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view


def _protect(evidence: object, *names: str) -> None:
    """Replace arrays of a frozen dataclass by read-only views."""
    for name in names:
        object.__setattr__(evidence, name, _read_only(getattr(evidence, name)))


@dataclass(frozen=True, eq=False)
class Labelled:
    """Predictions of source validation.

    Args:
        probabilities: (N, K).
        labels: (N,) 0..K-1.
        groups: (N,) whose sample it is, 0..G-1.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Keep estimators from changing what others look at."""
        _protect(self, "probabilities", "labels", "groups")


@dataclass(frozen=True, eq=False)
class Conditions:
    """Predictions of the source's test images, clean and under synthesized shifts.

    Args:
        shifts: (C,) the shift of each condition; empty for clean, which is the first.
        families: (C,) its family.
        severities: (C,) its severity; 0 for clean.
        probabilities: (C, N, K), on the same samples.
        labels: (N,) 0..K-1.
        groups: (N,) whose sample it is, 0..G-1.
    """

    shifts: tuple[str, ...]
    families: tuple[str, ...]
    severities: tuple[float, ...]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Keep estimators from changing what others look at."""
        _protect(self, "probabilities", "labels", "groups")


@dataclass(frozen=True, eq=False)
class Source:
    """All that is known of one fitted model: its predictions on the source, with labels.

    Args:
        validation: Source validation.
        tested: The source's test images.
    """

    validation: Labelled
    tested: Conditions
    _kept: dict[str, object] = field(default_factory=dict, repr=False)

    @cached_property
    def reference(self) -> Reference:
        """What source validation says about the model's confidence."""
        found = reference(self.validation.probabilities, self.validation.labels)
        _protect(found, "own", "shares")
        return found

    def kept(self, make: Callable[[Source], Kept]) -> Kept:
        """Make something from this evidence once and keep it: several targets are estimated from one source."""
        name = f"{make.__module__}:{make.__qualname__}"
        if name not in self._kept:
            self._kept[name] = make(self)
        return cast("Kept", self._kept[name])


@dataclass(frozen=True, eq=False)
class Evidence:
    """What an estimator may look at.

    Args:
        source: Labelled predictions of the model on the source.
        probabilities: (N, K) its predictions at the target.
        groups: (N,) whose sample it is, 0..G-1; one group per sample where patients are unknown.
        metric: What is estimated: `balanced_accuracy`.
    """

    source: Source
    probabilities: NDArray[np.float32]
    groups: NDArray[np.int64]
    metric: str = "balanced_accuracy"

    def __post_init__(self) -> None:
        """Keep estimators from changing what others look at."""
        _protect(self, "probabilities", "groups")

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.probabilities.shape[1])

    @cached_property
    def by_group(self) -> NDArray[np.float64]:
        """The statistics of the target, (G, K, J) sums by group and predicted class (`statistics.sums`)."""
        count = int(self.groups.max()) + 1
        return _read_only(sums(self.probabilities[None], self.groups, count, self.source.reference)[0])


Estimator: TypeAlias = Callable[[Evidence], Estimate]
