"""A fitted model as a baseline with nothing left to learn."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from .access import Access
from .predictor import Predictor
from .sees import Sees


@dataclass(init=False, eq=False)
class FittedModel:
    """Predict with a model that was fitted elsewhere; its access level is declared, not enforced.

    The model is not a hyper-parameter, hence not a field.

    Args:
        model: Images (N, C, *spatial), float32 in [0, 1] -> probabilities (N, K), a tensor or a NumPy array.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = ""

    def __init__(self, model: Callable[[Tensor], object]) -> None:
        self.model = model

    def fit(self, access: Access) -> Predictor:
        """Return the model unchanged; a network is copied to the run's device and set to evaluation mode."""
        if isinstance(self.model, nn.Module):
            return _FittedPredictor(copy.deepcopy(self.model).to(access.device).eval())
        return _FittedPredictor(self.model)


class _FittedPredictor:
    """A predictor that can be copied, around a model that need not be: a function, or a session of another runtime."""

    def __init__(self, model: Callable[[Tensor], object]) -> None:
        self.model = model

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K)."""
        returned = self.model(images)
        is_array = isinstance(returned, np.ndarray) and returned.dtype.kind in "fiu"
        return torch.as_tensor(returned) if is_array else returned  # type: ignore[return-value]  # checked by the caller

    def __deepcopy__(self, memo: dict[int, object]) -> _FittedPredictor:
        """Copy the model if it can be copied; of a model that is shared, the run checks that it keeps no state."""
        try:
            return _FittedPredictor(copy.deepcopy(self.model, memo))
        except (TypeError, RuntimeError):  # open files, locks, sessions of other runtimes
            return _FittedPredictor(self.model)
