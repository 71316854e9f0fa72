"""Access: the data a method may look at, copied out of the data set; it is given nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..datasets.dataset import Dataset
from ..datasets.images import Images, Labelled
from ..datasets.streaming.scaling import scaled_shape
from .grants import granted_pixels
from .precision import DEFAULT, Precision
from .sees import Sees
from .training_record import TrainingRecord
from .weights_record import WeightsRecord

if TYPE_CHECKING:
    import pandas as pd  # half a second in every process of a method
    import torch
    from torch import nn


@dataclass(frozen=True)
class Access:
    """Everything that `fit` is given.

    Args:
        classes: Names of the labels.
        channels: Native channels of the images.
        spatial: Spatial shape of the images.
        train: Labelled source images to learn from.
        val: Labelled source images to choose hyper-parameters and checkpoints by.
        targets: Domain -> unlabelled images of its adaptation split, which may hold none; empty unless the method
            `sees` them. Their order tells nothing: that of names or of a manifest may tell the class.
        seed: Seed of the run.
        device: Where to compute.
        content: Hash of the data set and its splits, for the keys of caches.
        report: Called with a line of progress.
        modality: Modality of the images: one of `shifts.catalogue.MODALITIES`, or `any` if unknown.
        trained: Called with the record of a training on the source; the card keeps the last.
        precision: Number format that the network is to compute in; `source_network` sees to it.
        starts_from: Called with the record of pretrained weights that a network starts from; the card keeps the last.
        started: Called with a network of the source at its initial weights, before it is trained in place or loaded.
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
    trained: Callable[[TrainingRecord], None] = lambda record: None
    precision: Precision = DEFAULT
    starts_from: Callable[[WeightsRecord], None] = lambda record: None
    started: Callable[[nn.Module], None] = lambda network: None


def codes(names: pd.Series, content: str) -> NDArray[np.int64]:
    """Code names as numbers that are equal for equal names and tell nothing else: neither names nor their order.

    They are hashes with a key of all names, so that who guesses one cannot try it: a name may hold the class
    (`Eosinophil/17.png`), and patients' numbers are short.

    Args:
        names: Names of images, or of the group of each image.
        content: Hash of the data set and its splits.
    """
    names = names.astype(str)
    known = names.unique()
    key = hashlib.sha256("\x1e".join([content, *sorted(known)]).encode()).digest()
    coded = {
        name: int.from_bytes(hashlib.blake2b(name.encode(), key=key, digest_size=8).digest(), "big") >> 1
        for name in known
    }
    return names.map(coded).to_numpy(dtype=np.int64)


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
    trained: Callable[[TrainingRecord], None] = lambda record: None,
    digest: str = "",
    mixed: str = "",
    size: int = 0,
    *,
    stored_order: bool = False,
) -> Access:
    """Copy what a method of an access level may look at: few images in memory, many in files of their own.

    Args:
        dataset: The images.
        table: Its truth with a column `row`, the position of each sample in the data set.
        source: The source domain.
        targets: The target domains.
        sees: The access level that the method declares.
        seed: Seed of the run.
        device: Device of the run.
        content: Hash of the data set and its splits.
        report: Called with a line of progress.
        trained: Called with the record of a training on the source.
        digest: `dataset.digest()`, if it is known already.
        mixed: A domain whose training and validation images count to the source's; empty for none.
        size: Longest side to which images are scaled; 0 keeps theirs.
        stored_order: Whether the targets' images keep the order of the truth: for methods that are known to draw at
            random, whose entries would change.

    Raises:
        MedshiftError: Neither disk nor memory suffices for the copies.
    """

    def rows(split: str, *domains: str) -> NDArray[np.int64]:
        chosen = table["domain"].isin(domains) & (table["split"] == split)
        return table.loc[chosen, "row"].to_numpy(dtype=np.int64)

    # a target that is trained on has no images to adapt to
    adapt = {name: rows("adapt", name) for name in targets if sees == "target-unlabelled" and name != mixed}
    if adapt and not stored_order:
        place = codes(dataset.table["sample_id"], content)
        adapt = {name: at[np.argsort(place[at])] for name, at in adapt.items()}
    own = {split: rows(split, source, mixed) for split in ("train", "val")}
    splits = {("source", split): at for split, at in own.items()} | {("target", name): at for name, at in adapt.items()}
    pixels = granted_pixels(dataset, splits, lambda: digest or dataset.digest(), report, size)
    labels = dataset.table["label"].to_numpy(dtype=np.int64)

    groups = codes(dataset.table["group"], content)

    def labelled(split: str) -> Labelled:
        return Labelled(pixels["source", split], dataset.value_range, labels[own[split]], groups=groups[own[split]])

    return Access(
        classes=dataset.classes,
        channels=dataset.channels,
        spatial=scaled_shape(dataset.spatial, size),
        train=labelled("train"),
        val=labelled("val"),
        targets={
            domain: Images(pixels["target", domain], dataset.value_range, groups=groups[at])
            for domain, at in adapt.items()
        },
        seed=seed,
        device=device,
        content=content,
        report=report,
        modality=dataset.modality,
        trained=trained,
    )
