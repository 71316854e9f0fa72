"""Prediction of one condition, and the check that no state survives it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..contract.fitted import FittedPredictor
from ..contract.predictor import Predictor, for_condition, fresh_copy, validated_probabilities
from ..datasets.dataset import Dataset
from ..datasets.streaming.ahead import made_ahead
from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from .stream import condition_batches

ROUNDING = 1e-4  # tolerance of a probability: GPUs sum in varying order


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
    with made_ahead(condition_batches(dataset, rows, protocol, condition, device), device) as batches:
        made = [
            validated_probabilities(fresh(images), len(images), classes, condition, rejections=may_refuse(fresh))
            for images in batches
        ]
    return np.concatenate(made)


def may_refuse(predictor: Predictor) -> bool:
    """Return whether a predictor may refuse images: a fitted model of which this was said."""
    return isinstance(predictor, FittedPredictor) and predictor.rejections


def check_forgotten(
    predictor: Predictor,
    dataset: Dataset,
    rows: pd.DataFrame,
    protocol: Protocol,
    condition: Condition,
    device: torch.device,
    before: NDArray[np.float32],
) -> None:
    """Predict a condition's first batch again, after all others: a fresh copy must give the same result.

    This finds state that bypasses the copies (class attributes, globals, closures, global random numbers), as far as it
    changes these predictions. It guards against mistakes, not against intent.

    Args:
        predictor: What `fit` returned.
        dataset: The images.
        rows: Of the condition, in the order of the stream.
        protocol: As for `predict`.
        condition: A condition that was predicted.
        device: Where to predict.
        before: Its predictions, (N, K).

    Raises:
        MedshiftError: The predictions differ by more than rounding.
    """
    first = rows.iloc[: protocol.batch_size]
    again = predict(for_condition(fresh_copy(predictor), condition), dataset, first, protocol, condition, device)
    before = before[: len(again)]
    refused = np.isnan(before)
    if (np.isnan(again) != refused).any() or np.abs(np.where(refused, 0, again - before)).max() > ROUNDING:
        raise MedshiftError(
            f"condition {condition.key!r} is predicted differently after the others: state of one condition reaches "
            "another. Keep all state in the object that fit returns, not in classes, globals or closures; use no "
            "global random numbers; set networks to evaluation mode. Nothing was saved"
        )
