"""Predictors: what `fit` returns, copied for every condition, and the check of its probabilities."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pickle import PickleError
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError, in_one_line
from ..protocols.condition import Condition

if TYPE_CHECKING:
    from torch import Tensor


#: What `copy.deepcopy` raises of objects that cannot be copied.
UNCOPYABLE = (TypeError, AttributeError, ValueError, NotImplementedError, PickleError)


class Predictor(Protocol):
    """A callable object that can be copied with `copy.deepcopy`.

    Every condition gets a fresh copy, so that nothing learnt in one condition reaches another.

    A predictor does not know the condition it predicts, with one exception. A method that trains with synthesized
    shifts may offer `leaving_out(family) -> Predictor`: under a shift, the harness asks the fresh copy for the
    predictor that has seen no shift of that family; clean and real conditions are predicted by the copy itself. The
    method learns only the family that it must not have trained with: neither the shift nor its severity, and nothing
    about a real target. No check can tell a model trained without a family from one tuned to it, so authors answer for
    this, and the families used in training belong in the baseline's hyper-parameters, which the card shows.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K) of images (N, C, *spatial), float32 in [0, 1], on the run's device."""
        ...


@dataclass(frozen=True)
class Unfit:
    """An output of a predictor that has not the form of probabilities.

    Args:
        text: What it is instead.
    """

    text: str


def as_answer(returned: object, count: int, classes: int) -> NDArray[np.float32] | Unfit:
    """Convert a predictor's output to an array of (count, classes); its values are not looked at.

    Args:
        returned: The output; one that was found unfit before stays so.
        count: Number of images.
        classes: Number of classes.
    """
    if isinstance(returned, Unfit):
        return returned
    if not isinstance(returned, torch.Tensor):
        return Unfit(f"a {type(returned).__name__}, not a tensor")
    if tuple(returned.shape) != (count, classes):
        return Unfit(f"shape {tuple(returned.shape)}, not {(count, classes)}")
    array: NDArray[np.float32] = returned.detach().float().cpu().numpy()
    return array


def validated_probabilities(
    returned: object, count: int, classes: int, condition: Condition, *, rejections: bool = False, hint: str = ""
) -> NDArray[np.float32]:
    """Convert a predictor's output to an array; raise MedshiftError unless it is (count, classes) probabilities.

    Args:
        returned: The output.
        count: Number of images.
        classes: Number of classes.
        condition: Named in errors.
        rejections: Rows of NaN are allowed: the model refused these images.
        hint: What is said beside, where there is NaN.
    """
    where = f"in condition {condition.key!r} the model returned"
    probabilities = as_answer(returned, count, classes)
    if isinstance(probabilities, Unfit):
        raise MedshiftError(f"{where} {probabilities.text}")
    answered = probabilities[~np.isnan(probabilities).all(axis=1)] if rejections else probabilities
    if not np.isfinite(answered).all():
        raise MedshiftError(f"{where} NaN or infinite values: the run stops, nothing of this condition was saved{hint}")
    if len(answered) and (answered.min() < 0 or np.abs(answered.sum(1) - 1).max() > 1e-3):
        raise MedshiftError(
            f"{where} rows that are not probabilities: they must be >= 0 and sum to 1 (logits need a softmax)"
        )
    return probabilities


def require_predictor(returned: object, name: str) -> Predictor:
    """Return what `fit` returned; raise MedshiftError unless it can be called.

    Args:
        returned: By `fit`.
        name: Name of the baseline, for the message.
    """
    if callable(returned):
        return cast("Predictor", returned)
    what = "None" if returned is None else f"a {type(returned).__name__}"
    raise MedshiftError(
        f"baseline {name!r}: fit returned {what}; return an object that is called with images and returns their "
        "probabilities"
    )


def fresh_copy(predictor: Predictor) -> Predictor:
    """Copy a predictor with all its state, so that nothing learnt in one condition reaches another.

    Raises:
        MedshiftError: It cannot be copied, or copies are the predictor itself.
    """
    try:
        copied = copy.deepcopy(predictor)
    except UNCOPYABLE as error:
        where = _not_copied(predictor)
        raise MedshiftError(
            f"fit must return an object that can be copied for every condition, and copy.deepcopy of its "
            f"{type(predictor).__name__} fails{f' at the attribute {where!r}' if where else ''}: {in_one_line(error)}. "
            "Make what cannot be copied in its __call__, or give it a __deepcopy__"
        ) from error
    if copied is predictor:
        what = "a function" if callable(predictor) else "None" if predictor is None else type(predictor).__name__
        raise MedshiftError(
            f"fit must return an object that can be copied, not {what}: its state must not outlive a condition"
        )
    return copied


def _not_copied(predictor: Predictor) -> str:
    """Return the first attribute of an object that cannot be copied; empty if none is found."""
    for name, value in getattr(predictor, "__dict__", {}).items():
        try:
            copy.deepcopy(value)
        except Exception:  # of any library
            return str(name)
    return ""


def for_condition(fresh: Predictor, condition: Condition) -> Predictor:
    """Choose what predicts a condition: the copy, or what its `leaving_out` offers for the shift's family.

    Raises:
        MedshiftError: `leaving_out` did not return a predictor.
    """
    leaving_out = getattr(fresh, "leaving_out", None)
    if condition.kind != "synthesized" or leaving_out is None:
        return fresh
    chosen: Predictor = leaving_out(condition.family)
    if not callable(chosen):
        raise MedshiftError(f"leaving_out({condition.family!r}) returned a {type(chosen).__name__}, not a predictor")
    return chosen
