"""The catalogue of shifts: built-ins as a literal table, third parties through entry points `medshift.shifts`.

Reading the table imports neither torch nor any plug-in; `load_shift` does.

The severities of a built-in stand in its module as a 5-tuple named after the function in capitals (`psf_blur` has
`PSF_BLUR`), where `severities` looks them up. A plug-in states them, and what else is known of it, as attributes of the
function: see `ATTRIBUTES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from .errors import MedshiftError, near, shown
from .plugins import Table, distribution, target_of

if TYPE_CHECKING:
    from torch import Tensor

    from .numerics.rng import SampleRng

Shift: TypeAlias = "Callable[[Tensor, int, SampleRng], Tensor]"

FAMILIES = ("contrast", "noise", "resolution", "artefact")
MODALITIES = ("mr", "ct", "xray", "fundus", "dermoscopy", "microscopy", "ultrasound", "oct")
SEVERITIES = (1, 2, 3, 4, 5)
ATTRIBUTES = ("family", "modalities", "summary", "unit", "version", "dims", "channels", "severities")  # of a plug-in


@dataclass(frozen=True)
class Entry:
    """Metadata of a shift.

    Args:
        name: As typed and printed.
        target: `module:attribute`, absolute.
        family: One of `FAMILIES`, or `plug-in`.
        modalities: Those to which the physics applies: some of `MODALITIES`, or `("any",)`.
        summary: One line.
        unit: Unit or quantity of the severity constants.
        version: Raised whenever the pixels change; part of the fingerprint.
        dims: Supported numbers of spatial axes.
        channels: Supported numbers of channels; 0 stands for any.
        slices: Built-ins only: with fewer along the first axis of a volume, not all severities do more damage than the
            one before. Plans leave the shift out, or refuse it.
        clips_itself: Built-ins only: compiled, it needs little memory beyond its result, and clips that as it writes.
        checks_range: Built-ins only: compiled, it checks the range of the pixels as it reads them.
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
    slices: int = 1
    clips_itself: bool = False
    checks_range: bool = False


ANY = ("any",)
LENS = ("fundus", "dermoscopy", "microscopy")
SLIDE = ("microscopy",)
PHOTONS = ("xray", *LENS, "oct")
RGB = (3,)


def _entry(
    name: str,
    file: str,
    family: str,
    modalities: tuple[str, ...],
    summary: str,
    unit: str,
    *,
    version: int = 1,
    dims: tuple[int, ...] = (2, 3),
    slices: int = 1,
    clips_itself: bool = True,
    checks_range: bool = False,
) -> Entry:
    channels = RGB if file == "colour" else (0,)
    target = f"medshift.shifts.families.{file}:{name.replace('-', '_')}"
    takes = (dims, channels, slices)
    return Entry(name, target, family, modalities, summary, unit, version, *takes, clips_itself, checks_range)


BUILTINS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        _entry("gamma", "contrast", "contrast", ANY, "tone curve x**g", "exponent", checks_range=True),
        _entry("contrast-loss", "contrast", "contrast", ANY, "less contrast about mid grey", "kept", checks_range=True),
        _entry("exposure", "contrast", "contrast", ANY, "gain up or down", "stops", checks_range=True),
        _entry("tone-curve", "contrast", "contrast", ANY, "a vendor's monotone curve", "slope", checks_range=True),
        _entry(
            "window", "contrast", "contrast", ("mr", "ct", "xray"), "too narrow, off level", "width", checks_range=True
        ),
        _entry("saturation", "colour", "contrast", LENS, "paler colours", "kept", clips_itself=False),
        _entry("colour-temperature", "colour", "contrast", LENS, "white balance off", "mired", checks_range=True),
        _entry("stain-he", "colour", "contrast", SLIDE, "haematoxylin, eosin amounts", "change", clips_itself=False),
        _entry(
            "stain-giemsa", "colour", "contrast", SLIDE, "methylene blue, eosin amounts", "change", clips_itself=False
        ),
        _entry("gaussian-noise", "noise", "noise", ANY, "additive white noise", "sd"),
        _entry("poisson-noise", "noise", "noise", PHOTONS, "photon counting noise", "quanta", clips_itself=False),
        _entry("rician-noise", "noise", "noise", ("mr",), "noise of a magnitude image", "sd"),
        _entry("speckle", "noise", "noise", ("ultrasound", "oct"), "coherent multiplicative noise", "ratio"),
        _entry("dead-pixels", "noise", "noise", ("xray", *LENS), "elements stuck at black or white", "share"),
        _entry("correlated-noise", "noise", "noise", ("ct", "mr", "xray", "ultrasound"), "grainy noise", "sd"),
        _entry("psf-blur", "resolution", "resolution", ANY, "Gaussian point spread", "sd px"),
        _entry("defocus", "resolution", "resolution", LENS, "disc of a lens out of focus", "radius px"),
        _entry("motion-blur", "resolution", "resolution", ANY, "motion during exposure", "px"),
        _entry("matrix-reduction", "resolution", "resolution", ("mr",), "fewer k-space lines", "kept"),
        _entry(
            "slice-thickness",
            "resolution",
            "resolution",
            ("mr", "ct"),
            "thicker slices",
            "slices",
            dims=(3,),
            slices=10,
        ),
        _entry("detector-binning", "resolution", "resolution", ANY, "coarser detector cells", "cell px", version=2),
        _entry(
            "bias-field",
            "fields",
            "artefact",
            ("mr", *LENS),
            "smooth gain, geometric mean 1",
            "max/min-1",
            clips_itself=False,
        ),
        _entry("vignetting", "fields", "artefact", LENS, "dark corners", "lost", clips_itself=False),
        _entry(
            "grid-lines", "fields", "artefact", ("xray",), "shadow of a grid", "lost", version=2, clips_itself=False
        ),
        _entry("ring-artefact", "fields", "artefact", ("ct",), "detector rings", "sd", clips_itself=False),
        _entry("gibbs-ringing", "kspace", "artefact", ("mr",), "fewer phase-encode lines", "kept"),
        _entry("ghosting", "kspace", "artefact", ("mr",), "ghosts of periodic motion", "rad"),
        _entry("kspace-spike", "kspace", "artefact", ("mr",), "stripes from a spark", "amplitude"),
        _entry("rigid-motion", "kspace", "artefact", ("mr",), "one movement during the scan", "lines after"),
        _entry("jpeg", "jpeg", "artefact", ANY, "lossy compression", "quality", checks_range=True, version=2),
        _entry("field-of-view", "geometry", "artefact", ANY, "smaller field of view, magnified", "kept"),
        _entry("rotation", "geometry", "artefact", ANY, "patient or gantry turned", "degrees"),
    )
}

TABLE = Table("medshift.shifts", "shift", {name: entry.target for name, entry in BUILTINS.items()}, plain=True)


def list_shifts() -> list[str]:
    """Return the names of all shifts, built-in and installed, sorted."""
    return TABLE.names()


def load_shift(name: str) -> Shift:
    """Import a shift by name.

    Raises:
        MedshiftError: The name is unknown (near names are suggested), or its package, which is named, cannot be
            imported.
    """
    function = TABLE.load(name)
    if not callable(function):
        raise MedshiftError(f"shift {name!r} of {TABLE.origin(name)} is not a function: {type(function).__name__}")
    return cast("Shift", function)


def shift_info(shift: str | Shift) -> Entry:
    """Return the metadata of a shift, given its name or function; a plug-in is imported for it.

    A function that the catalogue lists counts as its name, so that both draw the same. One of your own is named, and
    its draws are addressed, by its `__name__`.

    A plug-in states its metadata as attributes of the function, named and defined as in `Entry`: `family`,
    `modalities`, `summary`, `unit`, `version`, `dims` and `channels`.

    Raises:
        MedshiftError: One of them is not what it should be, with the distribution's name; or it is not a function.
    """
    if not isinstance(shift, str) and not callable(shift):
        raise MedshiftError(f"a shift is a name or a function (images, severity, rng) -> images, not {shown(shift)}")
    listed = listed_name(shift)
    if listed in BUILTINS:
        return BUILTINS[listed]
    function = load_shift(shift) if isinstance(shift, str) else shift
    stated = {
        key: _stated(shift, function, key) for key in ATTRIBUTES if key != "severities" and hasattr(function, key)
    }
    usual = {"family": "plug-in", "modalities": ANY, "summary": (function.__doc__ or "").strip().split("\n")[0]}
    return Entry(name=_name(shift), target=target_of(function), **(usual | stated))


def listed_name(shift: str | Shift) -> str:
    """Return the name under which the catalogue lists a function, or an empty string; nothing is imported for it."""
    return shift if isinstance(shift, str) else TABLE.name_of(shift)


def _name(shift: str | Shift) -> str:
    return listed_name(shift) or getattr(shift, "__name__", type(shift).__name__)


def _stated(shift: str | Shift, function: Shift, key: str) -> Any:  # noqa: ANN401 - of the key's own type
    """Return an attribute of a plug-in, lists as tuples; raise MedshiftError if it is not what it should be."""
    value = getattr(function, key)
    value = value.tolist() if hasattr(value, "tolist") else value  # of NumPy
    value = tuple(value) if isinstance(value, list | range) else value
    wanted = _RULES[key](value)
    if wanted:
        raise MedshiftError(f"shift {_name(shift)!r} of {origin(shift)}: {key} is {str(value)[:80]!r}, not {wanted}")
    return value


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _all(value: object, fits: Callable[[object], bool]) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(map(fits, value))


def _number(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


#: Attribute of a plug-in -> what it should be, where a value is not; `severities` may be None.
_RULES: dict[str, Callable[[Any], str]] = {
    "family": lambda value: "" if value in (*FAMILIES, "plug-in") else f"one of {', '.join(FAMILIES)}, plug-in",
    "modalities": lambda value: (
        "" if _all(value, (*MODALITIES, *ANY).__contains__) else f"a tuple of {', '.join((*MODALITIES, *ANY))}"
    ),
    "summary": lambda value: "" if isinstance(value, str) else "a text",
    "unit": lambda value: "" if isinstance(value, str) else "a text",
    "version": lambda value: "" if _whole(value, 0) else "a whole number",
    "dims": lambda value: "" if _all(value, lambda each: _whole(each, 1)) else "a tuple such as (2,) or (2, 3)",
    "channels": lambda value: (
        "" if _all(value, lambda each: _whole(each, 0)) else "a tuple such as (3,), or (0,) for any"
    ),
    "severities": lambda value: "" if value is None or (_all(value, _number) and len(value) == 5) else "five numbers",
}


def origin(shift: str | Shift) -> str:
    """Return where a shift comes from, for messages: a distribution and its version, or a module."""
    if listed_name(shift):
        return TABLE.origin(listed_name(shift))
    for point in TABLE.plugins.values():
        if point.value == target_of(shift):
            return distribution(point)
    return f"module {getattr(shift, '__module__', '?')}"


def severities(shift: str | Shift) -> tuple[float, ...] | None:
    """Return the physical values of severities 1..5, or None where a plug-in has no attribute `severities`."""
    listed = listed_name(shift)
    if listed in BUILTINS:
        module, _, attribute = BUILTINS[listed].target.partition(":")
        return tuple(getattr(import_module(module), attribute.upper()))
    function = load_shift(shift) if isinstance(shift, str) else shift
    values = _stated(shift, function, "severities") if hasattr(function, "severities") else None
    return cast("tuple[float, ...] | None", values)


def shifts_for_modality(modality: str, *, dims: int = 2, channels: int | None = None) -> list[str]:
    """List the built-in shifts that apply to a modality, in the order of the table.

    Built-ins only: installing a package must not change a protocol. Plug-ins are requested by name.

    Args:
        modality: One of `MODALITIES`, or `any` for the shifts that apply to all.
        dims: Number of spatial axes of the images.
        channels: Number of channels of the images; None does not select by channels.

    Raises:
        MedshiftError: The modality is unknown.
    """
    if modality not in (*MODALITIES, *ANY):
        raise MedshiftError(f"unknown modality {modality!r}.{near(modality, MODALITIES)}")
    return [
        entry.name
        for entry in BUILTINS.values()
        if {"any", modality} & set(entry.modalities)
        and dims in entry.dims
        and (channels is None or {0, channels} & set(entry.channels))
    ]
