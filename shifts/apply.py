"""Apply one shift to one batch, and check the contract on input and output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from operator import index
from typing import cast

import torch
from torch import Tensor

from . import catalogue
from .catalogue import Entry, Shift
from .errors import MedshiftError, in_one_line, shown
from .kernels import compiler
from .numerics.rng import SampleRng, listed_ids, whole_seed
from .pixels import check_pixels, in_range

PIXELS_PER_PART = 450_000  # of a batch, so that intermediate results stay in the processor's cache


def apply_shift(
    shift: str | Shift,
    images: Tensor,
    severity: float,
    sample_ids: Iterable[str],
    seed: int,
    *,
    levels: int | None = None,
) -> Tensor:
    """Apply a shift to a batch of images.

    Args:
        shift: A name in the catalogue, or a function that satisfies the shift contract. A function that the catalogue
            lists draws as its name does; one of your own is addressed by its `__name__`, so give each another.
        images: (N, C, *spatial) float32 in [0, 1], in the data set's native channels, with two or three spatial axes.
            Not modified.
        severity: 1..5; fractions, also below 1, interpolate the physical scale.
        sample_ids: N strings; together with seed, shift and severity they determine all randomness.
        seed: The protocol's seed, a whole number.
        levels: Number of grey levels to round to, as an export does: 256 for 8-bit data. None rounds nothing, and
            neither does 0, as in a protocol.

    Returns:
        A new float32 tensor of the same shape, finite, in [0, 1].

    Raises:
        MedshiftError: An argument is not what it should be, or the shift does not take such images, failed or broke
            the contract; the message names the shift and the distribution it comes from.
    """
    entry = catalogue.shift_info(shift)
    function = catalogue.load_shift(shift) if isinstance(shift, str) else shift
    severity, levels = severity_number(severity), _levels(levels)
    sample_ids, seed = listed_ids(sample_ids), whole_seed(seed)
    images = _plain(images)
    compiled = compiler.usable(images)
    check_input(entry, images, sample_ids, pixels=not (compiled and entry.checks_range))
    if not images.numel():
        return images.clone()

    def culprit() -> str:
        return f"shift {entry.name!r} of {catalogue.origin(shift)}, severity {severity:g},"

    out = None
    builtin = catalogue.BUILTINS.get(entry.name) is entry
    clips_itself = compiled and entry.clips_itself
    for start, part in _parts(images, whole=clips_itself or not builtin):
        rng = SampleRng(seed, entry.name, severity, sample_ids[start : start + len(part)], images.device)
        try:
            with torch.no_grad():
                given = part if builtin else part.clone()  # third-party code may work in place, or return its input
                shifted = function(given, severity, rng)  # type: ignore[arg-type]  # built-ins also take fractions
        except MedshiftError:
            raise
        except (Exception, SystemExit) as error:  # of third-party code: one line that says whose code it was
            raise MedshiftError(f"{culprit()} failed: {in_one_line(error)}") from error
        problem = contract_violation(part, shifted, pixels=not clips_itself)
        if problem:
            raise MedshiftError(f"{culprit()} {problem}")
        if levels is not None:
            shifted = (shifted * (levels - 1)).round_().div_(levels - 1)
        if len(part) == len(images):
            return shifted
        out = torch.empty_like(images) if out is None else out
        out[start : start + len(part)] = shifted
        del shifted  # before the next part needs the memory
    return cast("Tensor", out)


def _parts(images: Tensor, *, whole: bool) -> Iterator[tuple[int, Tensor]]:
    """Yield a batch in parts that fit into the cache, which also bounds memory; they do not affect any pixel."""
    count = len(images) if whole or images.device.type != "cpu" else max(1, PIXELS_PER_PART // images[0].numel())
    for start in range(0, len(images), count):
        yield start, images[start : start + count]


def severity_number(severity: object) -> float:
    """Return a severity as a plain number, a whole one as an int; raise MedshiftError unless it lies within 0..5.

    A number of NumPy, and a tensor or an array without axes, counts as one.
    """
    number = severity
    if getattr(severity, "ndim", None) == 0 and hasattr(severity, "item"):
        number = severity.item()
    if isinstance(number, bool) or not isinstance(number, Real):
        raise MedshiftError(f"severity must be a number, not {shown(severity)} ({type(severity).__name__})")
    value = cast("float", number)  # as all that count as Real do, it compares and converts
    if not 0 < value <= 5:
        raise MedshiftError(f"severity must be 1..5, or a fraction above 0 on a matched scale, not {value!s:.60}")
    return int(value) if value == int(value) else float(value)  # a plug-in may index its five values by it


def _levels(levels: object) -> int | None:
    """Return a number of grey levels, None for no rounding; raise MedshiftError if it cannot be one."""
    try:
        count = 0 if levels is None else index(levels)  # type: ignore[arg-type]  # what has no index raises
    except TypeError:
        count = -1
    if isinstance(levels, bool) or (count < 2 and count != 0):
        raise MedshiftError(f"levels must be a whole number from 2 up, or None for no rounding, not {shown(levels)}")
    return count or None


def _plain(images: object) -> Tensor:
    """Return images as a plain tensor: what a subclass carries along would come back from some shifts only."""
    if not isinstance(images, Tensor):
        raise MedshiftError(f"images must be a float32 tensor (N, C, *spatial), not a {type(images).__name__}")
    return images if type(images) is Tensor else images.as_subclass(Tensor)


def check_input(entry: Entry, images: Tensor, sample_ids: Sequence[str], *, pixels: bool) -> None:
    """Raise MedshiftError unless the images meet the contract and suit this shift; `pixels`: check the values, too."""
    if images.dtype != torch.float32 or images.ndim not in (4, 5):
        raise MedshiftError(
            f"images must be float32 (N, C, H, W) or (N, C, D, H, W), not {images.dtype} {tuple(images.shape)}"
        )
    if len(sample_ids) != len(images):
        raise MedshiftError(f"give one sample id per image: got {len(images)} images, {len(sample_ids)} sample ids")
    if pixels:
        check_pixels(images)
    if images.ndim - 2 not in entry.dims:
        raise MedshiftError(f"shift {entry.name!r} is for {_either(entry.dims)}-D images, not {images.ndim - 2}-D")
    if 0 not in entry.channels and images.shape[1] not in entry.channels:
        wanted = _either(entry.channels)
        raise MedshiftError(f"shift {entry.name!r} is for images with {wanted} channels, not {images.shape[1]}")


def contract_violation(images: Tensor, shifted: object, *, pixels: bool = True) -> str:
    """Return how a shift's output breaks the contract, or an empty string; `pixels`: check the values, too."""
    if not isinstance(shifted, Tensor):
        return f"returned a {type(shifted).__name__}, not a tensor"
    if shifted.shape != images.shape:
        return f"returned shape {tuple(shifted.shape)} for images of shape {tuple(images.shape)}"
    if shifted.dtype != torch.float32:
        return f"returned {shifted.dtype}, not float32"
    if not pixels or in_range(shifted):
        return ""
    if not torch.isfinite(shifted).all():
        return "returned NaN or infinite values"
    low, high = (float(value) for value in shifted.aminmax())
    return f"left [0, 1]: values range from {low:.4g} to {high:.4g}"


def _either(counts: Sequence[int]) -> str:
    return " or ".join(map(str, counts))
