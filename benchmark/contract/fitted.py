"""A model that is fitted already, as a baseline that has nothing left to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from .access import Access
from .predictor import Predictor
from .sees import Sees


@dataclass(init=False, eq=False)
class FittedModel:
    """Predict with a model that was fitted elsewhere; what it has seen is its author's word.

    The model is not a hyper-parameter, so it is not a field.

    Args:
        model: Images (N, C, *spatial), float32 in [0, 1] -> probabilities (N, K), a tensor or an array.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = ""

    def __init__(self, model: Callable[[Tensor], object]) -> None:
        self.model = model

    def fit(self, access: Access) -> Predictor:
        """Return the model as it is, on the run's device and in evaluation mode if it is a network."""
        if isinstance(self.model, nn.Module):
            return _FittedPredictor(self.model.to(access.device).eval())
        return _FittedPredictor(self.model)


class _FittedPredictor:
    """An object that can be copied around a model, which may be a plain function."""

    def __init__(self, model: Callable[[Tensor], object]) -> None:
        self.model = model

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K)."""
        return torch.as_tensor(self.model(images))
