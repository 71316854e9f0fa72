"""A predictor that stands for the one in the process of its method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ....shifts.errors import MedshiftError
from ..predictor import Unfit
from .wire import Message

if TYPE_CHECKING:
    from .process import MethodProcess

LONGEST_LINE = 4000  # characters of an error that a method tells


class RemotePredictor:
    """A predictor in the process of its method; a copy of it is a copy over there, the only one at a time."""

    def __init__(self, process: MethodProcess, number: int) -> None:
        self.process, self.number = process, number

    def __deepcopy__(self, memo: dict[int, object]) -> RemotePredictor:
        answer = self.process.ask(("copied",), "copy")
        self.process.copies += 1
        return remote(self.process, answer)

    def __call__(self, images: Tensor) -> object:
        """Return probabilities (N, K) of images, or what the predictor returned instead."""
        images = images.cpu()
        if self.number != self.process.copies:
            raise MedshiftError("a predictor in a process of its own is used up when another copy is made")
        row = [("float32", (len(images), self.process.classes))]
        answer = self.process.ask(
            ("answer", "unfit"),
            "batch",
            [_as_it_lies(images)],
            lambda arrays: list(arrays) in (row, []),
            shape=list(images.shape),
            strides=list(images.stride()) if _is_dense(images) else list(images.contiguous().stride()),
        )
        if answer.kind == "unfit" or not answer.arrays:
            return Unfit(one_line(answer.fields.get("text")))
        return torch.from_numpy(answer.arrays[0])


class LeavingPredictor(RemotePredictor):
    """One that may leave out a family of shifts."""

    def leaving_out(self, family: str) -> RemotePredictor:
        """Return the predictor that has seen no shift of a family."""
        self.process.ask(("copied",), "leaving out", family=family)
        return RemotePredictor(self.process, self.number)


def remote(process: MethodProcess, answer: Message) -> RemotePredictor:
    """Return what stands for the copy that was just made."""
    kind = LeavingPredictor if answer.fields.get("leaves_out") is True else RemotePredictor
    return kind(process, process.copies)


def _is_dense(images: Tensor) -> bool:
    """Return whether a tensor fills the memory between its first and last value, in whatever order."""
    span = 1 + sum((size - 1) * step for size, step in zip(images.shape, images.stride(), strict=True))
    return images.numel() == span


def _as_it_lies(images: Tensor) -> NDArray[Any]:
    """Return the values of a tensor in the order of its memory: over there it is to lie as here."""
    if not _is_dense(images):
        images = images.contiguous()
    flat: NDArray[Any] = images.as_strided((images.numel(),), (1,)).numpy()
    return flat


def one_line(told: object) -> str:
    """Return a text that a method tells, in one line."""
    return "".join(each if each.isprintable() else " " for each in str(told)[:LONGEST_LINE])
