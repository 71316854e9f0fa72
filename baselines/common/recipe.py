"""The hyper-parameters of supervised training on the source, shared by all baselines that train a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from ...benchmark.contract.search_space import LogUniform, Space

FOR_VOLUMES = "monai-resnet10-narrow"


@dataclass(frozen=True)
class Recipe:
    """One recipe for all, so that a difference between baselines is not one of tuning.

    Args:
        epochs: At most so many passes over the source's training images.
        patience: Stop after so many epochs without a lower loss on source validation; the best epoch is kept.
        batch_size: Of training.
        lr: Peak learning rate of the one-cycle schedule (Smith and Topin, arXiv 1708.07120).
        weight_decay: Of AdamW (Loshchilov and Hutter, arXiv 1711.05101); not on biases and norms.
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
    """The recipe for one of timm's architectures; of volumes, one of MONAI's.

    Args:
        arch: A timm architecture. Volumes take a name in `volumes.SETTINGS`; there, the default is `FOR_VOLUMES`.
        input_size: Side in pixels at which the network sees images; 0 takes them as they are, but at least 64.
    """

    arch: str = "tf_efficientnet_lite0"
    input_size: int = 0

    def __post_init__(self) -> None:
        """Refuse a size that no network takes."""
        super().__post_init__()
        if self.input_size and not 32 <= self.input_size <= 2048:
            raise ValueError("input_size must be 0 or 32 to 2048")

    def for_dims(self, dims: int) -> Self:
        """Returns the recipe for images of so many spatial axes: 3-D's architecture in place of 2-D's default."""
        return replace(self, arch=FOR_VOLUMES) if dims == 3 and self.arch == TimmRecipe.arch else self
