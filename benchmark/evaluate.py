"""One model under one condition: shift a batch, predict, check; and the parts in which a run is saved as it goes."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ..shifts.apply import apply
from ..shifts.errors import MedshiftError
from .access import Images, Predictor
from .condition import Condition
from .dataset import Dataset
from .files import replace
from .protocol import Protocol

ROUNDING = 1e-4  # of probabilities: a GPU adds in another order


def stream(protocol: Protocol, table: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    """Returns the rows of a condition's split in the order of the test stream.

    Sorted by a hash of seed and sample id: fixed, the same for all conditions on a split, and unrelated to the labels.
    """
    return shuffled(table[(table["domain"] == condition.domain) & (table["split"] == condition.split)], protocol.seed)


def shuffled(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Returns rows sorted by a hash of seed and sample id."""
    place = [hashlib.blake2b(f"{seed}\x1f{name}".encode(), digest_size=16).digest() for name in rows["sample_id"]]
    return rows.assign(place=place).sort_values("place").drop(columns="place")


def shown(dataset: Dataset, rows: pd.DataFrame, protocol: Protocol, condition: Condition) -> Iterator[torch.Tensor]:
    """Yields the images of a condition as a model is shown them, batch by batch.

    Args:
        dataset: The images.
        rows: In the order of the stream, with columns sample_id and row.
        protocol: Gives batch size, shift seed and grey levels.
        condition: Says which shift to apply.

    Yields:
        (n, C, *spatial) float32 in [0, 1], on the CPU.
    """
    index, ids = rows["row"].to_numpy(dtype=np.int64), rows["sample_id"].tolist()
    for start in range(0, len(index), protocol.batch_size):
        batch = slice(start, start + protocol.batch_size)
        images = Images(dataset.pixels[index[batch]], dataset.value_range).batch(slice(None))
        if condition.shift:
            levels = protocol.grey_levels or None
            images = apply(condition.shift, images, condition.severity, ids[batch], protocol.seed, levels=levels)
        yield images


def predict(
    fresh: Predictor,
    dataset: Dataset,
    rows: pd.DataFrame,
    protocol: Protocol,
    condition: Condition,
    device: torch.device,
) -> NDArray[np.float32]:
    """Returns probabilities (N, K) of the rows, in their order.

    Args:
        fresh: A predictor that has seen no condition.
        dataset: The images.
        rows: In the order of the stream, with columns sample_id and row.
        protocol: Gives batch size, shift seed and grey levels.
        condition: Says which shift to apply.
        device: Where to predict.

    Raises:
        MedshiftError: The predictor returned something other than probabilities; the message names the condition.
    """
    classes = len(dataset.classes)
    made = [
        checked(fresh(images.to(device)), len(images), classes, condition)
        for images in shown(dataset, rows, protocol, condition)
    ]
    return np.concatenate(made)


def checked(returned: object, count: int, classes: int, condition: Condition) -> NDArray[np.float32]:
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


def check_forgotten(
    predictor: Predictor,
    dataset: Dataset,
    rows: pd.DataFrame,
    protocol: Protocol,
    condition: Condition,
    device: torch.device,
    before: NDArray[np.float32],
) -> None:
    """Predicts a condition's first batch again, after all others: a copy of the predictor must say the same as then.

    So what was learnt finds no way around the copies (class attributes, globals, closures, global random numbers). Only
    what changes these predictions is found; a baseline means no harm, or is run in a process for each condition.

    Args:
        predictor: What `fit` returned.
        dataset: The images.
        rows: Of the condition, in the order of the stream.
        protocol: As for `predict`.
        condition: One that was predicted.
        device: Where to predict.
        before: What was predicted of it, (N, K).

    Raises:
        MedshiftError: It differs by more than rounding.
    """
    first = rows.iloc[: protocol.batch_size]
    again = predict(for_condition(fresh_copy(predictor), condition), dataset, first, protocol, condition, device)
    if np.abs(again - before[: len(again)]).max() > ROUNDING:
        raise MedshiftError(
            f"condition {condition.key!r} is predicted otherwise after the others: what it saw in one condition shows "
            "in another. Keep all state in the object that fit returns: not in classes, globals or closures, and no "
            "global random numbers. Nothing was saved"
        )


class Parts:
    """What a run has finished, one file a condition, each renamed into place; valid for one fingerprint of the run.

    Args:
        folder: The submission's.
        fingerprint: Hash of all that the predictions depend on; parts of another are not used.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder / "parts" / fingerprint[:16]

    def path(self, condition: Condition) -> Path:
        """Returns where a condition's predictions are kept."""
        return self.folder / f"{hashlib.sha256(condition.key.encode()).hexdigest()[:24]}.npy"

    def save(self, condition: Condition, probabilities: NDArray[np.float32]) -> None:
        """Keeps a condition's probabilities, in the order of the stream."""
        with replace(self.path(condition)) as temporary, temporary.open("wb") as file:
            np.save(file, probabilities, allow_pickle=False)

    def load(self, condition: Condition) -> NDArray[np.float32]:
        """Returns what `save` kept."""
        loaded: NDArray[np.float32] = np.load(self.path(condition), allow_pickle=False)
        return loaded

    def has(self, condition: Condition) -> bool:
        """Tells whether a condition is finished."""
        return self.path(condition).exists()
