"""A fitted model as a baseline with nothing left to learn."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .access import Access
from .predictor import UNCOPYABLE, Predictor
from .sees import Sees

Model = TypeVar("Model")


@dataclass(init=False, eq=False)
class FittedModel:
    """Predict with a model that was fitted elsewhere; its access level is declared, not enforced.

    The model is not a hyper-parameter, hence not a field.

    Args:
        model: Images (N, C, *spatial), float32 in [0, 1] -> probabilities (N, K), a tensor or a NumPy array.
        stated: What the model has looked at, by its author's word. It is granted nothing but the source.
        rejections: The model may refuse images: a row of NaN, or None in a list of rows.
        summary: One line about it.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = ""

    def __init__(
        self,
        model: Callable[[Tensor], object],
        stated: Sees = "source",
        *,
        rejections: bool = False,
        summary: str = "",
    ) -> None:
        self.model = model
        self.stated = stated
        self.rejections = rejections
        self.summary = summary

    def fit(self, access: Access) -> Predictor:
        """Return the model unchanged; a network is copied to the run's device and set to evaluation mode."""
        model = self.model
        if isinstance(model, nn.Module):
            model = copy.deepcopy(model).to(access.device).eval()
        return FittedPredictor(model, len(access.classes), rejections=self.rejections)


class FittedPredictor:
    """A predictor that can be copied, around a model that need not be: a function, or a session of another runtime."""

    def __init__(self, model: Callable[[Tensor], object], classes: int, *, rejections: bool) -> None:
        self.model = model
        self.classes = classes
        self.rejections = rejections

    @torch.no_grad()  # within it, a model may take gradients if it enables them; not so in inference mode
    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K); NaN for images that the model refused."""
        returned = self.model(images)
        if self.rejections and isinstance(returned, list | tuple):
            returned = rows_or_nan(returned, self.classes)
        is_array = isinstance(returned, np.ndarray) and returned.dtype.kind in "fiu"
        return torch.as_tensor(returned) if is_array else returned  # type: ignore[return-value]  # checked by the caller

    def __deepcopy__(self, memo: dict[int, object]) -> FittedPredictor:
        """Copy the model if it can be copied; of a model that is shared, the run checks that it keeps no state."""
        return FittedPredictor(copied_or_shared(self.model, memo), self.classes, rejections=self.rejections)


def copied_or_shared(model: Model, memo: dict[int, object] | None = None) -> Model:
    """Copy a model; return it as it is if it cannot be copied: open files, locks, sessions of other runtimes."""
    try:
        return copy.deepcopy(model, memo)
    except (*UNCOPYABLE, RuntimeError):
        return model


def rows_or_nan(rows: Sequence[object], width: int) -> object:
    """Stack rows of numbers, with NaN for None; anything else is returned as it is, for the check of shapes.

    Args:
        rows: A row of numbers for each image, or None.
        width: Length of the rows if all are None.
    """
    answered = [row for row in rows if row is not None]
    try:
        numbers = [_numbers(row) for row in answered]
        shape = numbers[0].shape if numbers else (width,)
        blank = np.full(shape, np.nan, dtype=np.float32)
        filled = iter(numbers)
        return np.stack([blank if row is None else next(filled) for row in rows]) if rows else rows
    except (TypeError, ValueError):
        return rows


def _numbers(row: object) -> NDArray[np.float32]:
    return np.asarray(row.detach().cpu().numpy() if isinstance(row, Tensor) else row, dtype=np.float32)
