"""The hyper-parameters of supervised training on the source, shared by all baselines that train a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from ...benchmark.contract.search_space import LogUniform, Space

FOR_VOLUMES = "monai-resnet10-narrow"


@dataclass(frozen=True)
class Recipe:
    """One recipe for all baselines, so that they do not differ by tuning.

    Args:
        epochs: Maximum number of passes over the source's training images.
        patience: Stop after this many epochs without a lower loss on source validation; the best epoch is kept.
        batch_size: Batch size of training.
        lr: Peak learning rate of the one-cycle schedule (Smith and Topin, arXiv 1708.07120).
        weight_decay: Weight decay of AdamW (Loshchilov and Hutter, arXiv 1711.05101); none on biases and norms.
    """

    search: ClassVar[Space] = {"lr": LogUniform(1e-4, 3e-3), "weight_decay": LogUniform(1e-3, 0.3)}

    epochs: int = 8
    patience: int = 4
    batch_size: int = 32
    lr: float = 1e-3
    weight_decay: float = 0.05

    def __post_init__(self) -> None:
        """Refuse values that cannot train."""
        if min(self.epochs, self.patience) < 1 or self.batch_size < 2:
            raise ValueError("epochs and patience must be at least 1, batch_size at least 2")
        if not (0 < self.lr <= 10 and 0 <= self.weight_decay <= 10):
            raise ValueError("lr must be in (0, 10], weight_decay in [0, 10]")


@dataclass(frozen=True)
class TimmRecipe(Recipe):
    """The recipe with a timm architecture, or a MONAI one for volumes.

    Args:
        arch: A timm architecture, with the tag of its weights if it has several (`convnext_tiny.fb_in22k`);
            `hf-hub:OWNER/NAME`; or `local-dir:FOLDER` as timm saves it. For volumes, a name in `volumes.SETTINGS`, by
            default `FOR_VOLUMES`.
        input_size: Side in pixels to which images are resized; 0 keeps their own, but at least 64.
    """

    arch: str = "tf_efficientnet_lite0"
    input_size: int = 0

    def __post_init__(self) -> None:
        """Refuse a size out of range."""
        super().__post_init__()
        if self.input_size and not 32 <= self.input_size <= 2048:
            raise ValueError("input_size must be 0 or 32 to 2048")

    def files(self) -> list[Path]:
        """List the files that hold the network, if `arch` is a folder."""
        from .architectures import files  # imports timm

        return files(self.arch)

    def for_dims(self, dims: int) -> Self:
        """Return the recipe for images of `dims` spatial axes: a 3-D architecture in place of the 2-D default."""
        return replace(self, arch=FOR_VOLUMES) if dims == 3 and self.arch == TimmRecipe.arch else self
