"""The shift contract as checks that plug-in authors can run: `assert check_shift("my-shift") == []`."""

from __future__ import annotations

import pickle
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import catalogue
from .apply import apply_shift, contract_violation
from .catalogue import Shift
from .errors import MedshiftError, in_one_line
from .numerics.phantom import phantom
from .numerics.rng import SampleRng

SEED = 20240229
SIZES: dict[int, dict[str, tuple[int, ...]]] = {
    2: {"usual": (48, 48), "tiny": (8, 8), "odd": (37, 41), "oblong": (16, 64)},
    3: {"usual": (16, 24, 24), "tiny": (8, 8, 8), "odd": (7, 13, 11), "oblong": (8, 12, 32)},
}
GLOBAL_STATES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "torch": (lambda: torch.get_rng_state().tolist(), lambda state: torch.set_rng_state(torch.tensor(state).byte())),
    "numpy": (np.random.get_state, np.random.set_state),
    "random": (random.getstate, random.setstate),
}
TWINS = 24  # copies of one image: enough for both outcomes of a random choice between two
ROUNDING = 1e-5  # of pixels in a run, where images are large: their sums may be rounded in another order
SLOWEST_S = 0.25  # per image of 3 x 48 x 48, a generous limit: built-ins need about a thousandth of it


def check_shift(shift: str | Shift) -> list[str]:
    """List every way in which a shift breaks the contract, one line each; an empty list is a pass.

    Checked: shape, dtype, finiteness and range on usual, tiny, odd and oblong images in 2-D and 3-D with 1 and 3
    channels (as far as the shift declares them); input and global random states are left unchanged; the same address
    gives the same bytes, and a random shift gives different bytes for other addresses; neither batch size nor order
    changes a sample; mean damage grows strictly from severity 1 to 5; at most 0.25 s per image. What a shift remembers
    from one call to the next may escape all of this: see `check_memory`.

    Args:
        shift: A name in the catalogue, or the function itself.
    """
    try:
        function = catalogue.load_shift(shift) if isinstance(shift, str) else shift
        entry = catalogue.shift_info(shift)
        catalogue.severities(shift)  # which only some commands read
    except MedshiftError as error:
        return [str(error)]
    if isinstance(shift, str) and shift in catalogue.TABLE.clashes:
        return [catalogue.TABLE.clashes[shift]]
    dims, channels = _taken(entry)
    if not dims:
        return [f"dims is {entry.dims}: it must contain 2 or 3, the number of spatial axes of images"]
    problems = [problem for d in dims for problem in _results(function, d, channels)]
    if problems:  # the other checks would only repeat them
        return problems
    for d in dims:
        images = phantom(6, channels[-1], SIZES[d]["usual"])
        for check in (_purity, _address, _batch, _damage, _speed):
            try:
                problems += [f"{d}-D: {problem}" for problem in check(function, images)]
            except (Exception, SystemExit) as error:  # a plug-in may raise anything, also in a batch of another size
                return [*problems, f"{d}-D: raised {in_one_line(error)} ({len(images)} usual images)"]
    return problems


def check_memory(name: str) -> list[str]:
    """Say whether a shift makes other pixels in a new process that shows it other images first.

    Such a shift keeps something of what it saw, the range of its first batch for instance; within one process it always
    answers alike. It takes the seconds of an import of torch.

    Args:
        name: A name in the catalogue, of a shift that `check_shift` passes.
    """
    here = _pixels(name, familiar=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:  # a fork would remember, too
        try:
            there = process.submit(_pixels, name, familiar=False).result()
        except (Exception, SystemExit) as error:  # a plug-in may raise anything, and even end the process
            return [f"in a new process, raised {in_one_line(error)}"]
    if here != there:
        return ["in a new process that saw other images first, it made other pixels: keep nothing between calls"]
    return []


def _pixels(name: str, *, familiar: bool) -> list[bytes]:
    """Return one condition's pixels for each number of axes, after those of `check_shift` or after other images."""
    function, (dims, channels) = catalogue.load_shift(name), _taken(catalogue.shift_info(name))
    threads, found = torch.get_num_threads(), []
    torch.set_num_threads(1)  # in both processes: sums of a library may be rounded in another order with more
    try:
        for images in (phantom(6, channels[-1], SIZES[d]["usual"]) for d in dims):
            _run(function, images.clone() if familiar else (1 - images) / 2, 3, _names(6))
            found.append(_run(function, images.clone(), 3, _names(6)).cpu().numpy().tobytes())
    finally:
        torch.set_num_threads(threads)
    return found


def _taken(entry: catalogue.Entry) -> tuple[list[int], list[int]]:
    """Return the numbers of axes and of channels with which a shift is checked."""
    channels = [c for c in (1, 3) if {0, c} & set(entry.channels)] or list(entry.channels)
    return [d for d in (2, 3) if d in entry.dims], channels


def find_violation(shift: str, images: Tensor, severity: float, sample_ids: Sequence[str], seed: int) -> str:
    """Say in one line how a shift breaks the contract on a few images, or return an empty string.

    What a run can check at its start, as `check_shift` does on phantoms: the input and the global random states are
    left unchanged, a second call gives the same pixels, and so does each image alone.

    Args:
        shift: A name in the catalogue.
        images: (N, C, *spatial) float32 in [0, 1]; each is given a range of its own. Not modified.
        severity: As for `apply_shift`.
        sample_ids: N strings.
        seed: The protocol's seed.

    Raises:
        MedshiftError: See `apply_shift`.
    """
    function, severities = catalogue.load_shift(shift), (severity,)
    images = _of_several_ranges(images)
    with _global_states_kept():
        apply_shift(shift, images, severity, sample_ids, seed)
        for problem in _purity(function, images, severities):
            return problem
        for problem in _repetition(function, images, severities, ROUNDING):
            return problem
        for problem in _batch(function, images, severities, (1,), ROUNDING):
            return problem
    return ""


@contextmanager
def _global_states_kept() -> Iterator[None]:
    before = {library: get() for library, (get, _) in GLOBAL_STATES.items()}
    try:
        yield
    finally:
        for library, (_, put) in GLOBAL_STATES.items():
            put(before[library])


def _run(function: Shift, images: Tensor, severity: float, ids: Sequence[str], seed: int = SEED) -> Tensor:
    if severity == int(severity):
        severity = int(severity)  # as in `apply_shift`
    with torch.no_grad():
        return function(images, severity, SampleRng(seed, "check", severity, ids))  # type: ignore[arg-type]


def _same(one: Tensor, other: Tensor, rounding: float) -> bool:
    return torch.equal(one, other) or bool(rounding and (one - other).abs().max() <= rounding)


def _names(count: int) -> list[str]:
    return [f"sample-{index}" for index in range(count)]


def _results(function: Shift, dims: int, channels: Sequence[int]) -> Iterator[str]:
    """Check shape, dtype and range; yield the first violation of each kind."""
    seen = set()
    for size, spatial in SIZES[dims].items():
        for c in channels:
            for severity in catalogue.SEVERITIES:
                for content, images in (
                    ("phantom", phantom(2, c, spatial)),
                    ("black and white", _extremes(c, spatial)),
                ):
                    try:
                        problem = contract_violation(images, _run(function, images.clone(), severity, _names(2)))
                    except (Exception, SystemExit) as error:  # a plug-in may raise anything, and even exit
                        problem = f"raised {in_one_line(error)}"
                    kind = problem[:12]
                    if problem and kind not in seen:
                        seen.add(kind)
                        where = f"{size} images {(2, c, *spatial)}, {content}, severity {severity}"
                        yield f"{dims}-D: {problem} ({where})"


def _extremes(channels: int, spatial: Sequence[int]) -> Tensor:
    return torch.stack([torch.zeros(channels, *spatial), torch.ones(channels, *spatial)])


def _purity(function: Shift, images: Tensor, severities: Sequence[float] = catalogue.SEVERITIES) -> Iterator[str]:
    """Check that input and global random states stay unchanged."""
    given = images.clone()
    before = {library: get() for library, (get, _) in GLOBAL_STATES.items()}
    with _global_states_kept():
        for severity in severities:
            _run(function, given, severity, _names(len(given)))
        after = {library: get() for library, (get, _) in GLOBAL_STATES.items()}
    if not torch.equal(given, images):
        yield "changed the images it was given: work on a copy"
    for library in GLOBAL_STATES:
        if pickle.dumps(before[library]) != pickle.dumps(after[library]):
            yield f"used the global random state of {library}: draw from `rng` instead"


def _address(function: Shift, images: Tensor) -> Iterator[str]:
    """Check that the same address gives the same bytes, and that random shifts differ between samples and seeds."""
    twins = images[:1].expand(TWINS, *images.shape[1:]).contiguous()
    for severity in catalogue.SEVERITIES:
        for problem in _repetition(function, images, (severity,)):
            yield problem
            return
        twin, other = (_run(function, twins.clone(), severity, _names(TWINS), seed) for seed in (SEED, SEED + 1))
        if torch.equal(twin, twin[:1].expand_as(twin)) != torch.equal(twin, other):
            yield f"randomness does not depend on both sample id and seed (severity {severity}): draw from `rng`"
            return


def _repetition(function: Shift, images: Tensor, severities: Sequence[float], rounding: float = 0) -> Iterator[str]:
    """Check that a second call with the same arguments gives the same pixels."""
    for severity in severities:
        first, second = (_run(function, images.clone(), severity, _names(len(images))) for _ in range(2))
        if not _same(first, second, rounding):
            yield (
                f"a second call with the same arguments gave other pixels (severity {severity:g}): draw only from `rng`"
            )
            return


def _batch(
    function: Shift,
    images: Tensor,
    severities: Sequence[float] = catalogue.SEVERITIES,
    sizes: Sequence[int] = (1, 4),
    rounding: float = 0,
) -> Iterator[str]:
    """Check that a sample does not depend on the batch: alone, in parts and in another order."""
    images = _of_several_ranges(images)
    ids = _names(len(images))
    order = list(reversed(range(len(images))))
    for severity in severities:
        whole = _run(function, images.clone(), severity, ids)
        for size in sizes:
            starts = range(0, len(images), size)
            parts = [_run(function, images[i : i + size].clone(), severity, ids[i : i + size]) for i in starts]
            if not _same(torch.cat(parts), whole, rounding):
                yield f"a sample's pixels depend on the batch size (severity {severity:g}, batches of {size})"
                return
        reordered = _run(function, images[order].clone(), severity, [ids[i] for i in order])
        if not _same(reordered[order], whole, rounding):
            yield f"a sample's pixels depend on the order in the batch (severity {severity:g})"
            return


def _of_several_ranges(images: Tensor) -> Tensor:
    """Give every image another minimum and maximum within [0, 1]: phantoms have them all in common."""
    count = len(images)
    low, high = torch.linspace(0, 0.2, count), torch.linspace(0.6, 1, count)
    low, high = (ends.view(-1, *(1,) * (images.ndim - 1)) for ends in (low, high))
    return (low + (high - low) * images).clamp(0, 1)


def _damage(function: Shift, images: Tensor) -> Iterator[str]:
    """Check that the mean root-mean-square error over several draws grows strictly with severity."""
    images = images.repeat(4, *(1,) * (images.ndim - 1))
    ids = _names(len(images))
    damage = []
    for severity in catalogue.SEVERITIES:
        error = _run(function, images.clone(), severity, ids) - images
        damage.append(float(error.pow(2).flatten(1).mean(1).sqrt().mean()))
    steps = zip([0.0, *damage], damage, strict=False)
    if any(after <= before for before, after in steps):
        yield f"damage must grow strictly with severity; its RMSE is {', '.join(f'{d:.4f}' for d in damage)}"


def _speed(function: Shift, images: Tensor) -> Iterator[str]:
    begin = time.perf_counter()
    _run(function, images.clone(), 5, _names(len(images)))
    seconds = (time.perf_counter() - begin) / len(images)
    if seconds > SLOWEST_S:
        yield f"takes {seconds:.2f} s per image; the limit is {SLOWEST_S} s"
