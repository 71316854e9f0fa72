"""A search of all objects that lead on from one for what a baseline must not see; tests use it in two processes."""

from __future__ import annotations

import ctypes
import gc
import types
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from medshift.benchmark.protocols.plan import Choices

CHOICES = Choices(source="site-a", shifts=("gamma",), severities=(1, 5))


def reachable(start: object, whole: bool) -> list[object]:
    """Returns all objects that lead on from one, what lies behind views included.

    Unless whole, the walk stops at modules, classes and what functions see globally.
    """
    seen: dict[int, object] = {id(start): start}
    todo = [start]
    while todo:
        item = todo.pop()
        if isinstance(item, np.ndarray):
            found = [item.base] + (list(item.flat) if item.dtype == object else [])
        elif isinstance(item, types.FunctionType) and not whole:
            found = [item.__closure__, item.__defaults__, item.__kwdefaults__, item.__dict__]
        elif isinstance(item, types.ModuleType | type) and not whole:
            found = []
        else:
            found = gc.get_referents(item) + (list(item) if isinstance(item, dict) else [])  # which omits keys of text
        for one in found:
            if id(one) not in seen and one is not seen and one is not todo:
                seen[id(one)] = one
                todo.append(one)
    return list(seen.values())


def memory(item: object) -> bytes:
    """Returns all the memory of an array or a tensor as images and labels are compared: 8-bit grey, or int64."""
    if isinstance(item, torch.Tensor):
        if item.device.type != "cpu" or item.layout != torch.strided or not item.untyped_storage().nbytes():
            return b""
        raw = ctypes.string_at(item.untyped_storage().data_ptr(), item.untyped_storage().nbytes())
        item = np.frombuffer(raw, str(item.dtype).removeprefix("torch.")) if "bfloat" not in str(item.dtype) else None
    if isinstance(item, pd.DataFrame | pd.Series | pd.Index):
        item = item.to_numpy()
    if not isinstance(item, np.ndarray) or item.size < 16:
        return b""
    if item.dtype.kind == "f":
        grey = np.nan_to_num(item.astype(np.float64)) * 255
        return np.clip(np.rint(grey), 0, 255).astype(np.uint8).tobytes() if grey.max() <= 255.001 else b""
    if item.dtype == np.uint8 or item.dtype.itemsize == 8:
        return item.tobytes()
    return item.astype(np.int64).tobytes() if item.dtype.kind in "iu" else b""


@dataclass(frozen=True)
class Secrets:
    """What nobody may find: images, runs of labels, names of samples."""

    images: tuple[bytes, ...]
    labels: tuple[bytes, ...]
    names: frozenset[str]

    def found(self, items: list[object]) -> list[str]:
        """Returns a line for each secret that is among the objects."""
        held = {part for part in map(memory, items) if part}
        texts = {item for item in items if isinstance(item, str)}
        said = [f"image {i}" for i, image in enumerate(self.images) if any(image in part for part in held)]
        said += [f"labels {i}" for i, run in enumerate(self.labels) if any(run in part for part in held)]
        return said + sorted(self.names & texts)


def secrets(dataset, table: pd.DataFrame, sees: str) -> Secrets:
    """Returns what a method that `sees` so much must not find."""
    source = table["domain"] == "site-a"
    hidden = (table["split"] == "test") | (~source & (sees != "target-unlabelled"))
    images = tuple(dataset.pixels[row].tobytes() for row in table.loc[hidden, "row"])
    runs = [group["label"] for _, group in table[~source | (table["split"] == "test")].groupby(["domain", "split"])]
    labels = [group.to_numpy(np.int64).tobytes() for group in [*runs, dataset.table["label"]] if len(group) >= 16]
    return Secrets(images, tuple(labels), frozenset(table.loc[~source | (table["split"] == "test"), "sample_id"]))
