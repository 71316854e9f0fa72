"""An opened model: how to run it, and what its file states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor

from .interface import Interface

#: Prepared images on the device -> outputs; a tensor, an array, or a list with None for a refused image.
Run: TypeAlias = Callable[[Tensor], object]


@dataclass(frozen=True)
class Opened:
    """A model that can be run.

    Args:
        run: Runs it; copied for every condition with `copy.deepcopy`.
        format: `onnx`, `torch.export`, `torchscript`, `pickle`, `timm` or `function`.
        name: Name of the file or model, for cards and lines.
        sha256: Hash of the file, of the weights, or of the code.
        stated: What it says of its input and output.
        notes: What a user should know, one line each.
    """

    run: Run
    format: str
    name: str
    sha256: str
    stated: Interface = field(default_factory=Interface)
    notes: tuple[str, ...] = ()
