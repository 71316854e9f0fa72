"""The hyper-parameters of supervised training on the source, shared by all baselines that train a network."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

from ...benchmark.contract.search_space import LATER, LogUniform, Space, at_most

FOR_VOLUMES = "monai-resnet10-narrow"
BUDGETS = {
    "short": 750,
    "standard": 3000,
    "long": 6000,
}  # optimiser steps; the last is to show convergence at the second
EVALUATIONS = 40  # of the source validation loss in a schedule
FEWEST = 10  # of them in a short one
WARM_UP = 0.05  # share of the schedule in which the rate rises
HALF = WARM_UP + (1 - WARM_UP) / 2  # share of the schedule after which the rate has fallen to half of its peak


@dataclass(frozen=True)
class Recipe:
    """One recipe for all baselines, so that they do not differ by tuning.

    Its length is in steps, whatever the number of images, and the same for networks that start from ImageNet and at
    random: a random start spends its first steps on a plateau, and is not stopped there.

    Args:
        budget: Length of training: `short` is for trials, `standard` for comparisons, and `long` shows whether
            `standard` was enough.
        steps: Number of optimiser steps in place of the budget's; 0 keeps that.
        patience: Share of the schedule without a lower loss on source validation after which training stops, counted
            at the earliest from where the rate has fallen to half of its peak; the best evaluation is kept. 1 never
            stops.
        batch_size: Batch size of training.
        accumulate: Number of parts in which a batch passes through the network, if it does not fit into memory as a
            whole. A step is that of the whole batch, except that batch norms, and what a method adds to the
            cross-entropy, see one part at a time. Validation, and the prediction of images one by one, take as many
            images at a time as a part holds.
        lr: Peak learning rate; it rises linearly in the first 5 % of the steps, and falls as a half cosine to 0.
        weight_decay: Weight decay of AdamW (Loshchilov and Hutter, arXiv 1711.05101); none on biases and norms, nor on
            what a transformer's authors except: embeddings of positions, tokens, biases of attention.
        mirror: Whether training images are mirrored left to right at random, with the views of self-supervised
            pre-training and of `tta`. A class that is a side (left or right eye or lung, situs, a view with markers)
            cannot be learnt from mirrored images: give False.
    """

    search: ClassVar[Space] = {"lr": LogUniform(1e-4, 3e-3), "weight_decay": LogUniform(1e-3, 0.3)}

    budget: Literal["short", "standard", "long"] = "standard"
    steps: int = field(default=0, metadata=at_most(100_000))
    patience: float = 0.2
    batch_size: int = field(default=32, metadata=at_most(1024))
    lr: float = 1e-3
    weight_decay: float = 0.05
    accumulate: int = field(default=1, metadata={LATER: True})
    mirror: bool = field(default=True, metadata={LATER: True})

    def __post_init__(self) -> None:
        """Refuse values that cannot train, and NaN and infinity of whatever a method adds to the recipe."""
        require_finite(self)
        if self.steps < 0 or self.batch_size < 2:
            raise ValueError("steps must not be negative, batch_size at least 2")
        if self.accumulate < 1 or self.batch_size % self.accumulate or self.batch_size // self.accumulate < 2:
            raise ValueError("accumulate must divide batch_size into parts of at least 2 images")
        if not 0 < self.patience <= 1:
            raise ValueError("patience is a share of the schedule, above 0 and at most 1")
        if not (0 < self.lr <= 10 and 0 <= self.weight_decay <= 10):
            raise ValueError("lr must be in (0, 10], weight_decay in [0, 10]")

    @property
    def length(self) -> int:
        """Number of optimiser steps of the whole schedule."""
        return self.steps or BUDGETS[self.budget]

    def between_evaluations(self, images: int) -> int:
        """Return the steps between two evaluations: a fortieth of the schedule, unless that costs too much.

        In a short schedule more images would be validated than trained on. Then evaluations are that much rarer, but
        there are at least `FEWEST`.

        Args:
            images: For source validation.
        """
        often, rarely = round(self.length / EVALUATIONS), self.length // FEWEST
        return max(1, often, min(rarely, math.ceil(images / self.batch_size)))

    def parts(self, images: int) -> int:
        """Return the number of parts in which a batch of `images` passes through the network, each of at least 2."""
        return max(1, min(self.accumulate, images // 2))

    @property
    def part_size(self) -> int:
        """Number of images that pass through the network at a time; 0 where a batch passes as a whole."""
        return self.batch_size // self.accumulate if self.accumulate > 1 else 0

    def at_once(self, most: int) -> int:
        """Return how many images of `most` may pass at a time outside training, too."""
        return min(most, self.part_size or most)

    def passes(self, images: int) -> int:
        """Return how often an image passes through the network in training, where there are `images` to train on."""
        return self.length * min(self.batch_size, images)


@dataclass(frozen=True)
class TimmRecipe(Recipe):
    """The recipe with a timm architecture, or a MONAI one for volumes.

    Args:
        arch: A timm architecture, with the tag of its weights if it has several (`convnext_tiny.fb_in22k`);
            `hf-hub:OWNER/NAME`; `local-dir:FOLDER` as timm saves it; or `open_clip:NAME:TAG`. For volumes, a name in
            `volumes.SETTINGS`, by default `FOR_VOLUMES`.
        input_size: Side in pixels of the square to which images are resized; 0 keeps their own shape, enlarged in
            proportion where the shorter side is below 64.
    """

    arch: str = "tf_efficientnet_lite0"
    input_size: int = 0

    def __post_init__(self) -> None:
        """Refuse a size out of range."""
        super().__post_init__()
        require_size(self.input_size)

    def files(self) -> list[Path]:
        """List the files that hold the network, if `arch` is a folder."""
        from ..networks.architectures import files  # imports timm

        return files(self.arch)

    def for_dims(self, dims: int) -> Self:
        """Return the recipe for images of `dims` spatial axes: a 3-D architecture in place of the 2-D default."""
        return replace(self, arch=FOR_VOLUMES) if dims == 3 and self.arch == type(self).arch else self


def require_size(input_size: int) -> None:
    """Raise ValueError if images cannot be resized to a side in pixels; 0 stands for their own size."""
    if input_size and not 32 <= input_size <= 2048:
        raise ValueError("input_size must be 0 or 32 to 2048")


def require_finite(recipe: Recipe) -> None:
    """Raise ValueError if a hyper-parameter is NaN, which passes comparisons, or infinite."""
    for each in fields(recipe):
        value = getattr(recipe, each.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{each.name} must be a finite number, not {value}")


def rate(done: float) -> float:
    """Return the learning rate, as a fraction of its peak, at a share of the schedule, 0 to 1."""
    if done < WARM_UP:
        return done / WARM_UP
    return (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2
