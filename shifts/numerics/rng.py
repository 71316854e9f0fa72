"""Random numbers by address: a sample's draws depend on its own address only, not on the batch or on earlier draws."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from operator import index
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import MedshiftError, shown
from ..kernels import compiler, launch

TOGETHER = 16  # normal draws that torch makes at once; fewer come from another algorithm


class SampleRng:
    """Random numbers for a batch, with one stream per sample, addressed by (seed, shift, severity, sample id).

    The k-th call draws sample i's values from a generator seeded by the hash of i's address and k, so a sample's draws
    do not depend on the size, order or other samples of the batch. They are made on the CPU and then moved, so they do
    not depend on the device either. torch's CPU generator uses 32 bits of the hash: among 100,000 draws about one pair
    shares its noise, which no mean or interval can notice.

    Args:
        seed: The protocol's seed, a whole number, also one of NumPy.
        shift: The shift's name.
        severity: 1..5. A fraction has an address of its own, by its six leading digits.
        sample_ids: One string per sample; equal ids get equal draws.
        device: Where the draws are returned.

    Raises:
        MedshiftError: The seed is not a whole number, or an id is not a string.
    """

    def __init__(
        self,
        seed: int,
        shift: str,
        severity: float,
        sample_ids: Iterable[str],
        device: torch.device | str = "cpu",
    ) -> None:
        shared = blake2b(json.dumps([whole_seed(seed), shift, f"{severity:g}"]).encode(), digest_size=8)
        self._samples = []
        for sample_id in listed_ids(sample_ids):
            address = shared.copy()
            address.update(json.dumps(sample_id).encode())
            self._samples.append(address)
        self._device = torch.device(device)
        self._calls = 0

    def __len__(self) -> int:
        """Return the number of samples in the batch."""
        return len(self._samples)

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Draw standard normal float32, (N, *shape)."""
        out = self._empty(shape)
        if compiler.usable(out) and len(self) and math.prod(shape) >= TOGETHER:
            from ..kernels import random

            return self._by_loop(out, random.normal)
        return self._fill(out, lambda row, generator: row.normal_(generator=generator))

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """Draw float32 uniform in [0, 1), (N, *shape)."""
        out = self._empty(shape)
        if compiler.usable(out) and out.numel():
            from ..kernels import random

            return self._by_loop(out, random.uniform)
        return self._fill(out, lambda row, generator: row.uniform_(generator=generator))

    def integers(self, low: int, high: int, shape: Sequence[int]) -> Tensor:
        """Draw int64 uniform in low..high-1, (N, *shape)."""
        out = torch.empty(len(self), *shape, dtype=torch.int64, device="cpu")
        return self._fill(out, lambda row, generator: row.random_(low, high, generator=generator))

    def poisson(self, rate: Tensor) -> Tensor:
        """Draw exact Poisson counts, float32, with expected counts `rate` (N, ...). Zero rates cost little."""
        return self._fill(rate.cpu().clone(), lambda row, generator: row.copy_(torch.poisson(row, generator=generator)))

    def generators(self) -> list[torch.Generator]:
        """Return one fresh generator per sample, for functions that bring their own draws (see `adapters`)."""
        call, self._calls = self._calls, self._calls + 1
        return [torch.Generator().manual_seed(_seed(address, call)) for address in self._samples]

    def _empty(self, shape: Sequence[int]) -> Tensor:
        return torch.empty(len(self), *shape, dtype=torch.float32, device="cpu")

    def _fill(self, out: Tensor, draw: Callable[[Tensor, torch.Generator], object]) -> Tensor:
        call, self._calls = self._calls, self._calls + 1

        def fill(first: int, last: int) -> None:
            generator = torch.Generator()  # a draw runs on one core; samples are independent
            for row, address in zip(out[first:last], self._samples[first:last], strict=True):
                draw(row, generator.manual_seed(_seed(address, call)))

        launch.run_threaded(fill, len(self), out.numel())
        return out.to(self._device)

    def _by_loop(self, out: Tensor, draw: Callable[[Any, Any], object]) -> Tensor:
        call, self._calls = self._calls, self._calls + 1
        seeds = np.array([_seed(address, call) & 0xFFFFFFFF for address in self._samples], np.uint32)
        rows = out.view(len(self), -1).numpy()
        launch.run_threaded(lambda first, last: draw(rows[first:last], seeds[first:last]), len(self), out.numel())
        return out.to(self._device)


def whole_seed(seed: object) -> int:
    """Return a seed as a plain int; raise MedshiftError if it is not a whole number.

    1.0, "1" and True would each be another address than 1, and so other draws.
    """
    try:
        if not isinstance(seed, bool | Tensor):
            return index(seed)  # type: ignore[arg-type]  # what has no index raises
    except TypeError:
        pass
    raise MedshiftError(f"seed must be a whole number, not {shown(seed)}")


def listed_ids(sample_ids: object) -> list[str]:
    """Return sample ids as a list; raise MedshiftError unless all are strings.

    The id 7 would be another address than "7", and so other draws, and files hold ids as text.
    """
    if isinstance(sample_ids, str | bytes | AbstractSet) or not isinstance(sample_ids, Iterable):
        raise MedshiftError(
            f"sample_ids must be a list of strings, one per image in their order, not a {type(sample_ids).__name__}"
        )
    ids = list(sample_ids)
    for sample_id in ids:
        if not isinstance(sample_id, str):
            kind = type(sample_id).__name__
            raise MedshiftError(f"sample ids must be strings, not {shown(sample_id)} ({kind}): use str(id)")
    return ids


def _seed(address: blake2b, call: int) -> int:
    last = address.copy()
    last.update(call.to_bytes(8, "big"))
    return int.from_bytes(last.digest(), "big")
