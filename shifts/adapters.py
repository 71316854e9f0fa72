"""Other libraries' transforms, and functions of one image, lifted to shifts in one line.

    noise = from_torchio(lambda severity: torchio.RandomNoise(std=(0.04 * severity, 0.04 * severity)), dims=(3,))
    blur = from_monai([GaussianSmooth(sigma) for sigma in (0.5, 1.0, 1.5, 2.0, 3.0)])
    dots = per_image(lambda image, severity, rng: np.where(rng.random(image.shape) < 0.01 * severity, 1, image))

What they draw, from torch, numpy or Python's `random`, follows the sample's address: before each image these global
states are seeded from it, and put back afterwards. Give ranges of no width and probability 1, so that the severity
decides how strong the shift is. Fractions between severities work where the strength is a function of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .catalogue import Entry, Shift
from .errors import MedshiftError
from .numerics.rng import SampleRng

Strengths: TypeAlias = Any  # a transform, five of them, or a function from a severity to one
PerImage: TypeAlias = "Callable[[NDArray[np.float32], float, np.random.Generator], Any]"


def from_torchio(transform: Strengths, **about: object) -> Shift:
    """Returns a TorchIO transform (TorchIO before 2) as a shift.

    Rows, columns and slices go to TorchIO's second, first and third axis, as when it reads an image file; an image is a
    volume of one slice. What leaves [0, 1] is clipped.

    Args:
        transform: A function from a severity to a transform, or five transforms, or one for all severities (which
            `check_shift` will object to: damage must grow).
        about: Any attribute of `catalogue.Entry` and `severities`, e.g. `dims=(3,)`, `unit="sd"`.

    Raises:
        MedshiftError: There are not five transforms, or one is applied by chance (`p` below 1).
    """
    pick = _by_severity(transform, "probability", "p")

    def shift(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
        chosen, flat = pick(severity), images.ndim == 4

        def change(image: Tensor, seed: int) -> Tensor:
            volume = (image[:, None] if flat else image).transpose(1, 3).contiguous()
            changed = _tensor(chosen(volume)).transpose(1, 3)
            return changed[:, 0] if flat else changed

        return _each(images, rng, change)

    return _described(shift, _name(transform), about)


def from_monai(transform: Strengths, **about: object) -> Shift:
    """Returns a MONAI array transform (not a dictionary one) as a shift; axes are taken as they are.

    What leaves [0, 1] is clipped.

    Args:
        transform: A function from a severity to a transform, or five transforms, or one for all severities (which
            `check_shift` will object to: damage must grow).
        about: Any attribute of `catalogue.Entry` and `severities`, e.g. `dims=(3,)`, `unit="sd"`.

    Raises:
        MedshiftError: There are not five transforms, or one is applied by chance (MONAI's default `prob` is 0.1).
    """
    pick = _by_severity(transform, "prob", "prob")

    def shift(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
        chosen = pick(severity)

        def change(image: Tensor, seed: int) -> Tensor:
            if hasattr(chosen, "set_random_state"):
                chosen.set_random_state(seed=seed % 2**32)
            return _tensor(chosen(image))

        return _each(images, rng, change)

    return _described(shift, _name(transform), about)


def per_image(function: PerImage, **about: object) -> Shift:
    """Returns a function of one image as a shift.

    Args:
        function: `(image, severity, rng) -> image` with arrays (C, *spatial) of float32 in [0, 1]; `rng` is numpy's
            generator, seeded by the sample's address. The image is a copy. What leaves [0, 1] is clipped.
        about: Any attribute of `catalogue.Entry` and `severities`, e.g. `dims=(2,)`, `channels=(3,)`.
    """

    def shift(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
        def change(image: Tensor, seed: int) -> Tensor:
            return _tensor(function(image.numpy(), severity, np.random.default_rng(seed)))

        return _each(images, rng, change)

    return _described(shift, _name(function), {"summary": _summary(function), **about})


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds the global random states of torch (CPU), numpy and Python, and puts them back at the end.

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
    """Returns the images changed one by one, each a copy on the CPU under its own seed."""
    changed = []
    for image, generator in zip(images, rng.generators(), strict=True):
        seed = generator.initial_seed() % 2**64
        with seeded(seed):
            changed.append(change(image.detach().clone().cpu(), seed).float().clamp(0, 1))
    return torch.stack(changed).to(images.device) if changed else images.clone()


def _by_severity(transform: Strengths, chance: str, argument: str) -> Callable[[float], Any]:
    """Returns what gives the transform of a severity.

    Args:
        transform: As the adapters take it.
        chance: The attribute that says how often a transform is applied.
        argument: What it is called where the transform is made.
    """

    def certain(one: Any) -> Any:  # noqa: ANN401  # of a library that need not be installed
        share = getattr(one, chance, 1)
        if isinstance(share, int | float) and share < 1:
            raise MedshiftError(
                f"{type(one).__name__} would be applied to a share of {share:g} of the images, by chance: give it "
                f"{argument}=1"
            )
        return one

    if isinstance(transform, Sequence):
        steps = [certain(one) for one in transform]
        if len(steps) != 5:
            raise MedshiftError(f"a shift has five severities, not {len(steps)} transforms")

        def step(severity: float) -> Any:  # noqa: ANN401
            if severity not in (1, 2, 3, 4, 5):
                raise MedshiftError(
                    f"this shift has severities 1, 2, 3, 4 and 5 only, not {severity:g}: give its adapter a function"
                )
            return steps[int(severity) - 1]

        return step
    if hasattr(transform, "__mro__") or not _is_transform(transform):  # a class or a function: makes transforms
        return lambda severity: certain(transform(severity))
    only = certain(transform)
    return lambda severity: only


def _is_transform(thing: object) -> bool:
    names = {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in type(thing).__mro__}
    return bool(names & {"torchio.Transform", "monai.Transform"})


def _tensor(image: Any) -> Tensor:  # noqa: ANN401  # an array, a tensor, or a library's own kind of it
    """Returns a plain tensor; the copy makes arrays with negative strides acceptable."""
    return image.detach().as_subclass(Tensor) if isinstance(image, Tensor) else torch.as_tensor(np.array(image))


def _name(thing: object) -> str:
    if isinstance(thing, Sequence) and len(thing):
        return _name(thing[0])
    name = getattr(thing, "__name__", type(thing).__name__)
    return "lifted" if name == "<lambda>" else str(name)


def _summary(function: object) -> str:
    return (function.__doc__ or "").strip().split("\n")[0] if callable(function) else ""


def _described(shift: Shift, name: str, about: dict[str, object]) -> Shift:
    """Returns the shift with attributes that `catalogue.entry` reads."""
    known = {field.name for field in fields(Entry)} - {"name", "target"} | {"severities"}
    unknown = sorted(set(about) - known)
    if unknown:
        raise TypeError(f"a shift has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    shift.__name__ = name
    for key, value in about.items():
        setattr(shift, key, value)
    return shift
