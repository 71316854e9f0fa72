"""What `fit` returns: probabilities of images, checked; and a fresh copy of it for every condition."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..protocols.condition import Condition

if TYPE_CHECKING:
    from torch import Tensor


class Predictor(Protocol):
    """What `fit` returns: a callable object that can be copied (`copy.deepcopy`).

    Every condition gets a fresh copy, so that nothing learnt in one condition reaches another.

    A predictor is not told which condition it looks at, with one exception. A method that trains with synthesized
    shifts may have a method `leaving_out(family) -> Predictor`: under a shift, the harness asks the fresh copy for the
    predictor that has seen no shift of that family, and that one predicts; clean and real conditions are predicted by
    the copy itself. All that it learns is the family that it must not have trained with: neither the shift nor its
    severity, and nothing at all of a real target. The name could be misused all the same, to keep a model that was made
    for that family, which no check can tell from one that was made without it. So whoever offers it answers for it,
    and the families trained with belong into the baseline's hyper-parameters, which the card shows.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Returns probabilities (N, K) of images (N, C, *spatial), float32 in [0, 1], on the run's device."""
        ...


def validated_probabilities(returned: object, count: int, classes: int, condition: Condition) -> NDArray[np.float32]:
    """Returns what a predictor gave as an array, or raises MedshiftError if it is no (count, classes) probabilities."""
    where = f"in condition {condition.key!r} the model returned"
    if not isinstance(returned, torch.Tensor):
        raise MedshiftError(f"{where} a {type(returned).__name__}, not a tensor")
    if tuple(returned.shape) != (count, classes):
        raise MedshiftError(f"{where} shape {tuple(returned.shape)}, not {(count, classes)}")
    probabilities: NDArray[np.float32] = returned.detach().float().cpu().numpy()
    if not np.isfinite(probabilities).all():
        raise MedshiftError(f"{where} NaN or infinite values: the run stops, nothing of this condition was saved")
    if probabilities.min() < 0 or np.abs(probabilities.sum(1) - 1).max() > 1e-3:
        raise MedshiftError(f"{where} rows that are no probabilities: they must be >= 0 and sum to 1")
    return probabilities


def fresh_copy(predictor: Predictor) -> Predictor:
    """Returns a copy that shares no state, so that nothing learnt in one condition reaches another."""
    copied = copy.deepcopy(predictor)
    if copied is predictor:
        raise MedshiftError("fit must return an object that can be copied, not a function: its state must be forgotten")
    return copied


def for_condition(fresh: Predictor, condition: Condition) -> Predictor:
    """Returns what predicts a condition: the copy, or of one that has `leaving_out` what has not seen the family.

    Raises:
        MedshiftError: `leaving_out` returned no predictor.
    """
    leaving_out = getattr(fresh, "leaving_out", None)
    if condition.kind != "synthesized" or leaving_out is None:
        return fresh
    chosen: Predictor = leaving_out(condition.family)
    if not callable(chosen):
        raise MedshiftError(f"leaving_out({condition.family!r}) returned a {type(chosen).__name__}, not a predictor")
    return chosen
