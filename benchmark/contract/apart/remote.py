"""A predictor that stands for the one in the process of its method."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ....shifts.errors import MedshiftError
from ..predictor import Unfit
from .process import MethodProcess, one_line


class RemotePredictor:
    """The last copy of a predictor in a process.

    Args:
        process: The process.
    """

    def __init__(self, process: MethodProcess) -> None:
        self.process = process
        self.classes = len(process.access.classes)

    def __call__(self, images: Tensor) -> object:
        """Return probabilities (N, K) of images, or what the predictor returned instead."""
        if self.process.in_use is not self:
            raise MedshiftError("a predictor in a process of its own is used up when another copy is made")
        images = images.cpu()
        images = images if _is_dense(images) else images.contiguous()
        row = [("float32", (len(images), self.classes))]
        answer = self.process.ask(
            ("answer", "unfit"),
            "batch",
            [_as_it_lies(images)],
            lambda arrays: list(arrays) in (row, []),
            shape=list(images.shape),
            strides=list(images.stride()),
        )
        if answer.kind == "unfit" or not answer.arrays:
            return Unfit(one_line(answer.fields.get("text")))
        return torch.from_numpy(answer.arrays[0])


class LeavingPredictor(RemotePredictor):
    """A predictor that can leave out a family of shifts."""

    def leaving_out(self, family: str) -> RemotePredictor:
        """Return the predictor that has seen no shift of a family."""
        self.process.ask(("copied",), "leaving out", family=family)
        return _in_use(RemotePredictor(self.process))


def copy_there(process: MethodProcess) -> RemotePredictor:
    """Copy the predictor within its process; the copy before cannot be used any more, as memory is for one."""
    answer = process.ask(("copied",), "copy")
    kind = LeavingPredictor if answer.fields.get("leaves_out") is True else RemotePredictor
    return _in_use(kind(process))


def _in_use(made: RemotePredictor) -> RemotePredictor:
    made.process.in_use = made
    return made


def _is_dense(images: Tensor) -> bool:
    """Return whether a tensor fills the memory between its first and last value, in whatever order."""
    span = 1 + sum((size - 1) * step for size, step in zip(images.shape, images.stride(), strict=True))
    return images.numel() == span


def _as_it_lies(images: Tensor) -> NDArray[Any]:
    """Return the values of a tensor in the order of its memory: over there it is to lie as here."""
    flat: NDArray[Any] = images.as_strided((images.numel(),), (1,)).numpy()
    return flat
