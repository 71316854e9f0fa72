"""What a method is granted, as a message: its images and labels, or the open files that hold its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.images import Images, Labelled
from ..access import Access

PLAIN = ("channels", "seed", "content", "modality", "precision")
PASSED = os.name == "posix"  # an open file can be handed to another process, so that its path need not be


class Packer:
    """Collects arrays for a message, and what is mapped from files."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[Any]] = []
        self.files: list[int] = []  # descriptors to be handed down

    def access(self, access: Access) -> dict[str, Any]:
        """Describe an access."""
        return {
            **{name: getattr(access, name) for name in PLAIN},
            "classes": list(access.classes),
            "spatial": list(access.spatial),
            "device": str(access.device),
            "train": self._images(access.train),
            "val": self._images(access.val),
            "targets": {domain: self._images(images) for domain, images in access.targets.items()},
        }

    def close(self) -> None:
        """Close the files here; the other process has its own."""
        while self.files:
            os.close(self.files.pop())

    def _images(self, images: Images) -> dict[str, Any]:
        found: dict[str, Any] = {"pixels": self._pixels(images.pixels), "range": images.value_range}
        if images.groups is not None:
            found["groups"] = self._add(images.groups)
        if isinstance(images, Labelled):
            found["labels"] = self._add(images.labels)
        return found

    def _add(self, array: NDArray[Any]) -> int:
        self.arrays.append(array)
        return len(self.arrays) - 1

    def _pixels(self, pixels: NDArray[Any]) -> int | dict[str, Any]:
        path = getattr(pixels, "filename", None) if isinstance(pixels, np.memmap) else None
        if path is None or not pixels.flags.c_contiguous:
            return self._add(pixels)
        place: int | str = str(path)
        if PASSED:
            place = os.open(path, os.O_RDONLY)
            self.files.append(place)
        assert isinstance(pixels, np.memmap)
        return {"file": place, "dtype": pixels.dtype.name, "shape": list(pixels.shape), "offset": pixels.offset}


@dataclass(frozen=True)
class Told:
    """Where the callbacks of an access lead.

    Args:
        report: As of `Access`, and so are the others.
        trained: Gets the record of a training.
        starts_from: Gets the record of pretrained weights.
    """

    report: Callable[[str], None]
    trained: Callable[[Any], None]
    starts_from: Callable[[Any], None]


def unpacked(fields: Mapping[str, Any], arrays: Iterable[NDArray[Any]], told: Told) -> Access:
    """Make the access of a message, in the process of the method."""
    import torch

    held = list(arrays)

    def pixels(given: int | Mapping[str, Any]) -> NDArray[Any]:
        return held[given] if isinstance(given, int) else _mapped(given)

    def images(given: Mapping[str, Any]) -> Images:
        groups = held[given["groups"]] if "groups" in given else None
        value_range = tuple(given["range"]) if given["range"] is not None else None
        if "labels" in given:
            return Labelled(pixels(given["pixels"]), value_range, held[given["labels"]], groups=groups)
        return Images(pixels(given["pixels"]), value_range, groups=groups)

    train, val = images(fields["train"]), images(fields["val"])
    assert isinstance(train, Labelled)
    assert isinstance(val, Labelled)
    return Access(
        classes=tuple(fields["classes"]),
        spatial=tuple(fields["spatial"]),
        device=torch.device(fields["device"]),
        train=train,
        val=val,
        targets={domain: images(given) for domain, given in fields["targets"].items()},
        report=told.report,
        trained=told.trained,
        starts_from=told.starts_from,
        **{name: fields[name] for name in PLAIN},
    )


def _mapped(given: Mapping[str, Any]) -> NDArray[Any]:
    shape, offset = tuple(given["shape"]), given["offset"]
    if isinstance(given["file"], str):
        return np.memmap(Path(given["file"]), given["dtype"], "r", offset, shape)
    with os.fdopen(given["file"], "rb") as file:
        return np.memmap(file, given["dtype"], "r", offset, shape)
