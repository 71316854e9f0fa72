"""Images as a model takes them, and its outputs as probabilities."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ....shifts.errors import MedshiftError, in_one_line
from ...contract.fitted import rows_or_nan
from .interface import Interface
from .opened import Run

LUMA = (0.299, 0.587, 0.114)  # of ITU-R BT.601, as Pillow makes grey


class Prepared:
    """A model with its preparation: images in [0, 1] -> its outputs (N, M), NaN where it refused.

    Args:
        run: Runs the model.
        interface: A settled interface.
        name: Named in errors.
        classes: Number of the data's classes.
    """

    def __init__(self, run: Run, interface: Interface, name: str, classes: int = 2) -> None:
        self.classes = classes
        self.run = run
        self.interface = interface
        self.name = name

    @torch.no_grad()  # within it, a function may take gradients if it enables them; not so in inference mode
    def __call__(self, images: Tensor) -> Tensor:
        """Return the outputs of images (N, C, *spatial), in batches as the model takes them."""
        taken = self.prepared(images)
        size = self.interface.batch or len(taken)
        made = []
        for start in range(0, len(taken), size):
            part = taken[start : start + size]
            full = torch.cat([part, part[-1:].expand(size - len(part), *part.shape[1:])]) if len(part) < size else part
            made.append(self._rows(full)[: len(part)])
        return torch.cat(made)

    def prepared(self, images: Tensor) -> Tensor:
        """Return images as the model takes them: size, channels, values, layout."""
        to = self.interface
        if to.input_size and tuple(images.shape[2:]) != to.input_size:
            images = _resized(images, to.input_size).clamp(0, 1)
        channels = images.shape[1]
        if to.input_channels == 3 and channels == 1:
            images = images.expand(-1, 3, *images.shape[2:])
        elif to.input_channels == 1 and channels == 3:
            images = (images * _by_channel(LUMA, images)).sum(1, keepdim=True)
        low, high = to.range or (0.0, 1.0)
        if (low, high) != (0.0, 1.0):
            images = low + (high - low) * images
        if to.mean:
            images = images - _by_channel(to.mean, images)
        if to.std:
            images = images / _by_channel(to.std, images)
        if to.whole:
            images = images.round().clamp(0, 255).to(torch.uint8)
        return (images.movedim(1, -1) if to.layout == "NHWC" else images).contiguous()

    def _rows(self, images: Tensor) -> Tensor:
        """Run the model on one batch.

        Raises:
            MedshiftError: It failed, or did not return one row of numbers per image.
        """
        shape = " x ".join(map(str, images.shape))
        try:
            returned = self.run(images)
        except MedshiftError:
            raise
        except Exception as error:
            if isinstance(error, MemoryError) or "memory" in str(error):
                raise  # the command line knows what to say
            raise MedshiftError(
                f"{self.name} does not take a batch of {shape} numbers: {in_one_line(error)[:300]}"
            ) from error
        if isinstance(returned, list | tuple):
            # of one image, a list of one may be its row, or hold the batch as a network with several heads returns it
            whole = len(returned) == 1 and (len(images) > 1 or np.ndim(returned[0]) > 1)
            returned = returned[0] if whole else rows_or_nan(returned, self.classes)
        if isinstance(returned, np.ndarray) and returned.dtype.kind in "fiu":
            returned = torch.as_tensor(returned)
        if not isinstance(returned, Tensor) or returned.is_complex():
            raise MedshiftError(f"{self.name} returned a {type(returned).__name__}, not one row of numbers per image")
        rows = returned.flatten(1) if returned.dim() > 2 and returned[0].numel() == returned.shape[1] else returned
        rows = rows.unsqueeze(1) if rows.dim() == 1 and len(rows) == len(images) else rows
        if rows.dim() != 2 or len(rows) != len(images):
            got = " x ".join(map(str, returned.shape)) or "one number"
            raise MedshiftError(
                f"{self.name} returned {got} for {len(images)} images, not one row of numbers per image"
            )
        return rows.float().to(images.device)


class Probabilities:
    """A prepared model whose outputs are probabilities (N, K), in the data's order of classes.

    Args:
        prepared: The model.
        outputs: What its outputs are.
        order: For each class of the data, its place among the outputs.
    """

    def __init__(self, prepared: Prepared, outputs: str, order: tuple[int, ...]) -> None:
        self.prepared = prepared
        self.outputs = outputs
        self.order = order

    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities; NaN for images that the model refused."""
        return to_probabilities(self.prepared(images), self.outputs)[:, list(self.order)]


def to_probabilities(rows: Tensor, outputs: str) -> Tensor:
    """Turn outputs (N, M) into probabilities in the model's order; a row of NaN stays one.

    Raises:
        MedshiftError: A row holds infinite values, or NaN beside numbers.
    """
    if bool((~rows.isfinite().all(1) & ~rows.isnan().all(1)).any()):
        raise MedshiftError("the model returned infinite values, or NaN beside numbers: was it exported in 16 bits?")
    if outputs == "logits":
        rows = rows.sigmoid() if rows.shape[1] == 1 else rows.softmax(1)
    if rows.shape[1] == 1:
        return torch.cat([1 - rows, rows], 1)
    return rows


def _resized(images: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Resize images (N, C, *spatial) linearly along each axis, antialiased where it shrinks."""
    *depth, height, width = sides
    if not depth:
        return _flat(images, height, width)
    # torch antialiases planes only; the axes are independent, so the depth of all columns is resized as a plane's side
    count, channels, deep = images.shape[:3]
    planes = _flat(images.flatten(0, 2).unsqueeze(1), height, width)
    columns = _flat(planes.reshape(count * channels, 1, deep, height * width), depth[0], height * width)
    return columns.reshape(count, channels, *sides)


def _flat(images: Tensor, height: int, width: int) -> Tensor:
    return functional.interpolate(images, (height, width), mode="bilinear", align_corners=False, antialias=True)


def _by_channel(numbers: tuple[float, ...], images: Tensor) -> Tensor:
    """Return numbers such that they are broadcast over the channels of images (N, C, *spatial)."""
    return torch.tensor(numbers, device=images.device).view(1, -1, *[1] * (images.dim() - 2))
