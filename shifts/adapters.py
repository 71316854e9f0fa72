"""Adapters that turn transforms of other libraries, and functions of one image, into shifts in one line.

    noise = from_torchio(lambda severity: torchio.RandomNoise(std=(0.04 * severity, 0.04 * severity)), dims=(3,))
    blur = from_monai([GaussianSmooth(sigma) for sigma in (0.5, 1.0, 1.5, 2.0, 3.0)])
    dots = per_image(lambda image, severity, rng: np.where(rng.random(image.shape) < 0.01 * severity, 1, image))

Their random draws from torch, numpy or Python's `random` depend on the sample's address only: these global states are
seeded from it before each image, and restored afterwards. Give ranges of zero width and probability 1, so that the
severity alone sets the strength. Fractional severities need a function of the severity, not a list of five transforms.

Draws are addressed by the name under which a package registers the shift, or else by its `__name__`. That is the
function's or the transform's; every lambda is `lifted`, so that two of them draw alike: set `shift.__name__`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .catalogue import ATTRIBUTES, Shift
from .errors import MedshiftError, near
from .numerics.rng import SampleRng

Strengths: TypeAlias = Any  # a transform, five of them, or a function from a severity to one
#: Of what a function returns: overshoots beyond 1 are clipped, but this is another scale, such as 0..255. Transforms of
#: libraries keep the scale they are given, and a strong bias field of MONAI's reaches thousands at its corners.
BRIGHTEST = 8.0

PerImage: TypeAlias = "Callable[[NDArray[np.float32], float, np.random.Generator], Any]"


def from_torchio(transform: Strengths, **attributes: object) -> Shift:
    """Turn a TorchIO transform (TorchIO below 2) into a shift.

    Rows, columns and slices become TorchIO's second, first and third axis, as when it reads an image file; a 2-D image
    becomes a volume of one slice. Results are clipped to [0, 1]; integers are refused.

    Args:
        transform: A function from a severity to a transform, or five transforms, or one for all severities (which
            `check_shift` reports: damage must grow).
        attributes: Any of `catalogue.ATTRIBUTES`, e.g. `dims=(3,)`, `unit="sd"`.

    Raises:
        MedshiftError: There are not five transforms, or one, or a part of one, is applied at random (`p` below 1).
        TypeError: An attribute is unknown.
    """
    pick = _by_severity(transform, "probability", "p")

    def shift(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
        chosen, flat = pick(severity), images.ndim == 4

        def change(image: Tensor, seed: int) -> Tensor:
            volume = (image[:, None] if flat else image).transpose(1, 3).contiguous()
            changed = _result(chosen(volume)).transpose(1, 3)
            return changed[:, 0] if flat else changed

        return _each(images, rng, change)

    return _described(shift, _name(transform), attributes)


def from_monai(transform: Strengths, **attributes: object) -> Shift:
    """Turn a MONAI array transform (not a dictionary transform) into a shift; the order of axes is kept.

    Results are clipped to [0, 1]; integers are refused.

    Args:
        transform: A function from a severity to a transform, or five transforms, or one for all severities (which
            `check_shift` reports: damage must grow).
        attributes: Any of `catalogue.ATTRIBUTES`, e.g. `dims=(3,)`, `unit="sd"`.

    Raises:
        MedshiftError: There are not five transforms, or one, or a part of one, is applied at random (MONAI's default
            `prob` is 0.1).
        TypeError: An attribute is unknown.
    """
    pick = _by_severity(transform, "prob", "prob")

    def shift(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
        chosen = pick(severity)

        def change(image: Tensor, seed: int) -> Tensor:
            if hasattr(chosen, "set_random_state"):
                chosen.set_random_state(seed=seed % 2**32)
            return _result(chosen(image))

        return _each(images, rng, change)

    return _described(shift, _name(transform), attributes)


def per_image(function: PerImage, **attributes: object) -> Shift:
    """Turn a function of one image into a shift.

    Args:
        function: `(image, severity, rng) -> image` on float32 arrays (C, *spatial) in [0, 1]; `rng` is a numpy
            generator seeded from the sample's address. The image is a copy. Results are floats, and are clipped to
            [0, 1]; integers, and values on another scale, are refused.
        attributes: Any of `catalogue.ATTRIBUTES`, e.g. `dims=(2,)`, `channels=(3,)`.

    Raises:
        TypeError: An attribute is unknown.
    """

    def shift(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
        def change(image: Tensor, seed: int) -> Tensor:
            changed = _result(function(image.numpy(), severity, np.random.default_rng(seed)))
            if changed.numel() and changed.amax() > BRIGHTEST:
                raise ValueError(f"returned values up to {float(changed.amax()):.4g}: return floats in [0, 1]")
            return changed

        return _each(images, rng, change)

    return _described(shift, _name(function), {"summary": _summary(function), **attributes})


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global random states of torch (CPU), numpy and Python, and restore them at the end.

    Args:
        seed: 0..2**64-1.
    """
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        torch.default_generator.manual_seed(seed)  # not torch.manual_seed, which would seed every GPU as well
        np.random.seed(seed % 2**32)  # noqa: NPY002  # what other libraries draw from
        random.seed(seed)
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def _each(images: Tensor, rng: SampleRng, change: Callable[[Tensor, int], Tensor]) -> Tensor:
    """Change the images one by one, each a copy on the CPU with its own seed."""
    changed = []
    for image, generator in zip(images, rng.generators(), strict=True):
        seed = generator.initial_seed() % 2**64
        with seeded(seed):
            changed.append(change(image.detach().clone().cpu(), seed).float().clamp(0, 1))
    return torch.stack(changed).to(images.device) if changed else images.clone()


def _by_severity(transform: Strengths, chance: str, argument: str) -> Callable[[float], Any]:
    """Return a function from a severity to the transform to apply.

    Args:
        transform: As passed to the adapters.
        chance: The transform's attribute that holds the probability of applying it.
        argument: The constructor's argument that sets it.
    """

    def always_applied(one: Any) -> Any:  # noqa: ANN401  # of a library that need not be installed
        for part in _parts(one):
            probability = getattr(part, chance, 1)
            if isinstance(probability, Real) and probability < 1:
                inside = "" if part is one else f" in {type(one).__name__}"
                raise MedshiftError(
                    f"{type(part).__name__}{inside} would be applied at random, with probability "
                    f"{float(probability):g}: give it {argument}=1"
                )
        return one

    def made(severity: float) -> Any:  # noqa: ANN401
        one = transform(severity)
        if not callable(one):
            raise MedshiftError(
                f"{_name(transform)} returned a {type(one).__name__} for severity {severity:g}, not a transform: "
                "adapters take a function from a severity to a transform, or five transforms"
            )
        return always_applied(one)

    if isinstance(transform, Sequence):
        steps = [always_applied(one) for one in transform]
        if len(steps) != 5:
            raise MedshiftError(f"expected five transforms, one per severity, not {len(steps)}")

        def step(severity: float) -> Any:  # noqa: ANN401
            if severity not in (1, 2, 3, 4, 5):
                raise MedshiftError(
                    f"this shift has severities 1, 2, 3, 4 and 5 only, not {severity:g}: give its adapter a function "
                    "of the severity instead of five transforms"
                )
            return steps[int(severity) - 1]

        return step
    if hasattr(transform, "__mro__") or not _is_transform(transform):  # a class or a function that makes transforms
        return made
    only = always_applied(transform)
    return lambda severity: only


def _is_transform(thing: object) -> bool:
    names = {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in type(thing).__mro__}
    return bool(names & {"torchio.Transform", "monai.Transform"})


def _parts(transform: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield a transform, and those inside it where it composes others or chooses among them."""
    yield transform
    for held in (getattr(transform, "transforms", ()), getattr(transform, "transforms_dict", ())):
        if isinstance(held, list | tuple | dict):  # the keys of TorchIO's OneOf are transforms
            for one in held:
                yield from _parts(one)


def _result(image: Any) -> Tensor:  # noqa: ANN401  # an array, a tensor, or a library's own kind of either
    """Convert to a plain tensor; the copy allows arrays with negative strides. Clipping would turn integers white."""
    if image is None:
        raise TypeError("returned None, not an image")
    plain = image.detach().as_subclass(Tensor) if isinstance(image, Tensor) else torch.as_tensor(np.array(image))
    if not plain.is_floating_point() and plain.dtype != torch.bool:
        raise TypeError(f"returned {str(plain.dtype).removeprefix('torch.')}: return floats in [0, 1]")
    return plain


def _name(thing: object) -> str:
    if isinstance(thing, Sequence) and len(thing):
        return _name(thing[0])
    name = getattr(thing, "__name__", type(thing).__name__)
    return "lifted" if name == "<lambda>" else str(name)


def _summary(function: object) -> str:
    return (function.__doc__ or "").strip().split("\n")[0] if callable(function) else ""


def _described(shift: Shift, name: str, attributes: dict[str, object]) -> Shift:
    """Set a shift's name and the attributes that `catalogue.shift_info` and `catalogue.severities` read."""
    for key in attributes:
        if key not in ATTRIBUTES:
            raise TypeError(f"unknown shift attribute {key!r}.{near(key, ATTRIBUTES)}")
    shift.__name__ = name
    for key, value in attributes.items():
        setattr(shift, key, value)
    return shift
