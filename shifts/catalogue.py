"""The table of shifts: built-ins written out, third parties through the entry-point group `medshift.shifts`.

Reading the table imports neither torch nor any plug-in; `load` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from .errors import MedshiftError, near
from .plugins import Table, distribution

if TYPE_CHECKING:
    from torch import Tensor

    from .rng import Addressed

Shift: TypeAlias = "Callable[[Tensor, int, Addressed], Tensor]"

FAMILIES = ("contrast", "noise", "resolution", "artefact")
MODALITIES = ("mr", "ct", "xray", "fundus", "dermoscopy", "microscopy", "ultrasound", "oct")
SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Entry:
    """What is known of a shift without running it.

    Args:
        name: As typed and printed.
        target: `module:attribute`, absolute.
        family: One of `FAMILIES`, or `plug-in`.
        modalities: Where the physics makes sense: some of `MODALITIES`, or `("any",)`.
        summary: One line.
        unit: What the severity constants measure.
        version: Raised whenever the pixels change; part of the fingerprint.
        dims: Numbers of spatial axes it takes.
        channels: Numbers of channels it takes; 0 stands for any.
    """

    name: str
    target: str
    family: str
    modalities: tuple[str, ...]
    summary: str
    unit: str = ""
    version: int = 1
    dims: tuple[int, ...] = (2, 3)
    channels: tuple[int, ...] = (0,)


PHOTONS = ("xray", "fundus", "dermoscopy", "microscopy", "oct")
CONTRAST, NOISE, RESOLUTION = (f"medshift.shifts.{family}" for family in FAMILIES[:3])

BUILTINS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("gamma", f"{CONTRAST}:gamma", "contrast", ("any",), "tone curve x**g", "exponent"),
        Entry("contrast-loss", f"{CONTRAST}:contrast_loss", "contrast", ("any",), "greys drawn to mid grey", "kept"),
        Entry(
            "window", f"{CONTRAST}:window", "contrast", ("mr", "ct", "xray"), "window too narrow, off level", "width"
        ),
        Entry("gaussian-noise", f"{NOISE}:gaussian_noise", "noise", ("any",), "additive white noise", "sd"),
        Entry("poisson-noise", f"{NOISE}:poisson_noise", "noise", PHOTONS, "photon counting noise", "quanta"),
        Entry("rician-noise", f"{NOISE}:rician_noise", "noise", ("mr",), "noise of a magnitude image", "sd"),
        Entry("psf-blur", f"{RESOLUTION}:psf_blur", "resolution", ("any",), "Gaussian point spread", "sd px"),
        Entry(
            "matrix-reduction", f"{RESOLUTION}:matrix_reduction", "resolution", ("mr",), "fewer k-space lines", "kept"
        ),
        Entry("detector-binning", f"{RESOLUTION}:detector_binning", "resolution", ("any",), "coarser cells", "cell px"),
    )
}

TABLE = Table("medshift.shifts", "shift", {name: entry.target for name, entry in BUILTINS.items()})


def names() -> list[str]:
    """Returns the names of all shifts, built-in and installed, sorted."""
    return TABLE.names()


def load(name: str) -> Shift:
    """Returns the function behind a name.

    Raises:
        MedshiftError: The name is unknown (near names offered), or its package cannot be imported (named).
    """
    function: Shift = TABLE.load(name)
    if not callable(function):
        raise MedshiftError(f"shift {name!r} of {TABLE.origin(name)} is no function but a {type(function).__name__}")
    return function


def entry(shift: str | Shift) -> Entry:
    """Returns what is known of a shift, from its name or of a function itself; a plug-in is imported for it.

    A function may say more of itself by attributes: `family`, `modalities`, `summary`, `unit`, `version`, `dims`,
    `channels`, with the meaning they have in `Entry`, and `severities`, its five physical values.
    """
    if isinstance(shift, str) and shift in BUILTINS:
        return BUILTINS[shift]
    function = load(shift) if isinstance(shift, str) else shift
    summary = (function.__doc__ or "").strip().split("\n")[0]
    return Entry(
        name=shift if isinstance(shift, str) else getattr(shift, "__name__", type(shift).__name__),
        target=f"{getattr(function, '__module__', '?')}:{getattr(function, '__qualname__', '?')}",
        family=getattr(function, "family", "plug-in"),
        modalities=tuple(getattr(function, "modalities", ("any",))),
        summary=getattr(function, "summary", summary),
        unit=getattr(function, "unit", ""),
        version=int(getattr(function, "version", 1)),
        dims=tuple(getattr(function, "dims", (2, 3))),
        channels=tuple(getattr(function, "channels", (0,))),
    )


def origin(shift: str | Shift) -> str:
    """Returns where a shift comes from, for messages: a distribution and its version, or a module."""
    if isinstance(shift, str):
        return TABLE.origin(shift)
    for point in TABLE.plugins.values():
        if point.value == entry(shift).target:
            return distribution(point)
    return f"module {getattr(shift, '__module__', '?')}"


def severities(shift: str | Shift) -> tuple[float, ...] | None:
    """Returns the physical values of severities 1..5, or None where a plug-in does not tell.

    Of a built-in they are the constant that has the function's name in capitals, in the same module.
    """
    if isinstance(shift, str) and shift in BUILTINS:
        module, _, attribute = BUILTINS[shift].target.partition(":")
        return tuple(getattr(import_module(module), attribute.upper()))
    function = load(shift) if isinstance(shift, str) else shift
    values = getattr(function, "severities", None)
    return None if values is None else tuple(values)


def for_modality(modality: str) -> list[str]:
    """Returns the built-in shifts that make sense for a modality, in the order of the table.

    Built-ins only: what else is installed must not change a protocol. A plug-in is asked for by name.

    Raises:
        MedshiftError: The modality is unknown.
    """
    if modality not in MODALITIES:
        raise MedshiftError(f"unknown modality {modality!r}.{near(modality, MODALITIES)}")
    return [name for name, entry in BUILTINS.items() if {"any", modality} & set(entry.modalities)]
