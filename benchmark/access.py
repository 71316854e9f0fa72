"""What a method may look at: the harness copies that out, and hands over nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .dataset import Dataset, subset, to_unit
from .sees import Sees

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Images without labels, in their stored type; batches come as the shifts and networks take them.

    Args:
        pixels: (N, C, *spatial), a copy of what may be seen.
        value_range: What 0 and 1 stand for, see `dataset.to_unit`.
    """

    pixels: NDArray[Any]
    value_range: tuple[float, float] | None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.pixels)

    def batch(self, index: Sequence[int] | NDArray[np.int64] | Tensor | slice) -> Tensor:
        """Returns float32 (n, C, *spatial) in [0, 1], on the CPU."""
        return to_unit(self.pixels[index if isinstance(index, slice) else np.asarray(index)], self.value_range)

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yields all images in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.batch(slice(start, start + size))


@dataclass(frozen=True)
class Labelled(Images):
    """Images with labels; of the source only.

    Args:
        labels: (N,) int64, 0..K-1.
    """

    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Access:
    """All that `fit` is given.

    Args:
        classes: Names of the labels.
        channels: Native channels of the images.
        spatial: Their spatial shape.
        train: Labelled source images to learn from.
        val: Labelled source images to choose by: hyper-parameters, checkpoints.
        targets: Domain -> unlabelled images of its adaptation split; empty unless the method `sees` them.
        seed: Of the run.
        device: Where to compute.
        content: Names everything above in one hash, for caches of what was made from it.
        report: Called with a line of progress.
        modality: Of the images: one of `shifts.catalogue.MODALITIES`, or `any` where it is not known.
    """

    classes: tuple[str, ...]
    channels: int
    spatial: tuple[int, ...]
    train: Labelled
    val: Labelled
    targets: Mapping[str, Images]
    seed: int
    device: torch.device
    content: str
    report: Callable[[str], None]
    modality: str = "any"


class Predictor(Protocol):
    """What `fit` returns: a callable object that can be copied (`copy.deepcopy`).

    Every condition gets a fresh copy, so that nothing learnt in one condition reaches another.

    A predictor is not told which condition it looks at, with one exception. A method that trains with synthesized
    shifts may have a method `leaving_out(family) -> Predictor`: under a shift, the harness asks the fresh copy for the
    predictor that has seen no shift of that family, and that one predicts; clean and real conditions are predicted by
    the copy itself. All that it learns is the family that it must not have trained with: neither the shift nor its
    severity, and nothing at all of a real target. The name could be misused all the same, to keep a model that was made
    for that family, which no check can tell from one that was made without it. So whoever offers it answers for it,
    and the families trained with belong into the baseline's hyper-parameters, which the card shows.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Returns probabilities (N, K) of images (N, C, *spatial), float32 in [0, 1], on the run's device."""
        ...


def grant(
    dataset: Dataset,
    table: pd.DataFrame,
    source: str,
    targets: Sequence[str],
    sees: Sees,
    seed: int,
    device: torch.device,
    content: str,
    report: Callable[[str], None],
) -> Access:
    """Returns what a method that `sees` so much may look at, as copies.

    Args:
        dataset: The images.
        table: Its truth with a column `row`, the position of each sample in the data set.
        source: The source domain.
        targets: The target domains.
        sees: As the method declares.
        seed: Of the run.
        device: Of the run.
        content: Hash of the data set and its splits.
        report: For progress.
    """

    def rows(domain: str, split: str) -> NDArray[np.int64]:
        chosen = (table["domain"] == domain) & (table["split"] == split)
        return table.loc[chosen, "row"].to_numpy(dtype=np.int64)

    def labelled(split: str) -> Labelled:
        pixels, labels = subset(dataset, rows(source, split))
        return Labelled(pixels, dataset.value_range, labels)

    adapt = {
        domain: Images(subset(dataset, rows(domain, "adapt"))[0], dataset.value_range)
        for domain in targets
        if sees == "target-unlabelled"
    }
    return Access(
        classes=dataset.classes,
        channels=dataset.channels,
        spatial=dataset.spatial,
        train=labelled("train"),
        val=labelled("val"),
        targets=adapt,
        seed=seed,
        device=device,
        content=content,
        report=report,
        modality=dataset.modality,
    )
