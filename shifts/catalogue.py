"""The catalogue of shifts: built-ins as a literal table, third parties through entry points `medshift.shifts`.

Reading the table imports neither torch nor any plug-in; `load_shift` does.

The severities of a built-in stand in its module as a 5-tuple named after the function in capitals (`psf_blur` has
`PSF_BLUR`), where `severities` looks them up. A plug-in states them, and what else is known of it, as attributes of the
function: see `ATTRIBUTES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias, cast

from .errors import MedshiftError, near
from .plugins import Table, distribution

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
    clips_itself: bool = False
    checks_range: bool = False


ANY = ("any",)
LENS = ("fundus", "dermoscopy", "microscopy")
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
    channels: tuple[int, ...] = (0,),
    clips_itself: bool = True,
    checks_range: bool = False,
) -> Entry:
    target = f"medshift.shifts.families.{file}:{name.replace('-', '_')}"
    return Entry(name, target, family, modalities, summary, unit, version, dims, channels, clips_itself, checks_range)


BUILTINS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        _entry("gamma", "contrast", "contrast", ANY, "tone curve x**g", "exponent", checks_range=True),
        _entry("contrast-loss", "contrast", "contrast", ANY, "less contrast about mid grey", "kept", checks_range=True),
        _entry("exposure", "contrast", "contrast", ANY, "gain up or down", "stops", checks_range=True),
        _entry("tone-curve", "contrast", "contrast", ANY, "a vendor's monotone curve", "slope", checks_range=True),
        _entry(
            "window",
            "contrast",
            "contrast",
            ("mr", "ct", "xray"),
            "window too narrow, off level",
            "width",
            checks_range=True,
        ),
        _entry("saturation", "colour", "contrast", LENS, "paler colours", "kept", channels=RGB, clips_itself=False),
        _entry(
            "colour-temperature",
            "colour",
            "contrast",
            LENS,
            "white balance off",
            "mired",
            channels=RGB,
            checks_range=True,
        ),
        _entry(
            "stain-he",
            "colour",
            "contrast",
            ("microscopy",),
            "haematoxylin, eosin amounts",
            "change",
            channels=RGB,
            clips_itself=False,
        ),
        _entry(
            "stain-giemsa",
            "colour",
            "contrast",
            ("microscopy",),
            "methylene blue, eosin amounts",
            "change",
            channels=RGB,
            clips_itself=False,
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
        _entry("slice-thickness", "resolution", "resolution", ("mr", "ct"), "thicker slices", "slices", dims=(3,)),
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
        _entry("grid-lines", "fields", "artefact", ("xray",), "anti-scatter grid", "lost", clips_itself=False),
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

TABLE = Table("medshift.shifts", "shift", {name: entry.target for name, entry in BUILTINS.items()})


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

    A plug-in states its metadata as attributes of the function, named and defined as in `Entry`: `family`,
    `modalities`, `summary`, `unit`, `version`, `dims` and `channels`.
    """
    if isinstance(shift, str) and shift in BUILTINS:
        return BUILTINS[shift]
    function = load_shift(shift) if isinstance(shift, str) else shift
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
    """Return where a shift comes from, for messages: a distribution and its version, or a module."""
    if isinstance(shift, str):
        return TABLE.origin(shift)
    for point in TABLE.plugins.values():
        if point.value == shift_info(shift).target:
            return distribution(point)
    return f"module {getattr(shift, '__module__', '?')}"


def severities(shift: str | Shift) -> tuple[float, ...] | None:
    """Return the physical values of severities 1..5, or None where a plug-in has no attribute `severities`."""
    if isinstance(shift, str) and shift in BUILTINS:
        module, _, attribute = BUILTINS[shift].target.partition(":")
        return tuple(getattr(import_module(module), attribute.upper()))
    function = load_shift(shift) if isinstance(shift, str) else shift
    values = getattr(function, "severities", None)
    return None if values is None else tuple(values)


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


SOURCES: dict[str, str] = {
    "gamma": "DICOM PS3.14, Grayscale Standard Display Function; IEC 61966-2-1 (sRGB)",
    "contrast-loss": "veiling glare of detectors: Seibert, Nalcioglu, Roeck, Med Phys 11(2), 1984",
    "exposure": "photographic stops",
    "tone-curve": "differences between scanners as monotone curves: Nyul, Udupa, Zhang, IEEE TMI 19(2), 2000",
    "window": "DICOM PS3.3, VOI LUT module (window centre and width)",
    "saturation": "luma of ITU-R BT.601",
    "colour-temperature": "Planck's law; mired scale",
    "stain-he": "Ruifrok and Johnston, Anal Quant Cytol Histol 23(4), 2001",
    "stain-giemsa": "as stain-he; vectors of G. Landini's Colour Deconvolution plug-in of ImageJ",
    "gaussian-noise": "Hendrycks and Dietterich, ICLR 2019, in native channels",
    "poisson-noise": "Poisson's law; Cornish and Fisher, Technometrics 2(2), 1960 for high counts",
    "rician-noise": "Gudbjartsson and Patz, Magn Reson Med 34(6), 1995",
    "speckle": "Wagner, Smith, Sandrik, Lopez, IEEE Trans Sonics Ultrason 30(3), 1983",
    "dead-pixels": "impulse noise per channel, as under a colour filter array (Bayer, US patent 3971065, 1976)",
    "correlated-noise": "noise power behind a kernel: Riederer, Pelc, Chesler, Phys Med Biol 23(3), 1978",
    "psf-blur": "Gaussian point spread function",
    "defocus": "geometric blur disc of a thin lens: Hopkins, Proc R Soc Lond A 231, 1955",
    "motion-blur": "uniform motion during the exposure: Sondhi, Proc IEEE 60(7), 1972",
    "matrix-reduction": "zero-filled k-space: Bernstein, Fain, Riederer, J Magn Reson Imaging 14(3), 2001",
    "slice-thickness": "partial volume over a slice profile",
    "detector-binning": "box average over a detector cell",
    "bias-field": "amplitudes of BrainWeb: Collins et al., IEEE TMI 17(3), 1998",
    "vignetting": "cosine-fourth law of illumination",
    "grid-lines": "grid artefacts and their aliases: Lin, Lee, Chen et al., J Digit Imaging 19(4), 2006",
    "ring-artefact": "Barrett and Keat, RadioGraphics 24(6), 2004",
    "gibbs-ringing": "truncation along one axis: Wood and Henkelman, Magn Reson Med 2(6), 1985",
    "ghosting": "Wood and Henkelman, Med Phys 12(2), 1985",
    "kspace-spike": "Graves and Mitchell, J Magn Reson Imaging 38(2), 2013",
    "rigid-motion": "Zaitsev, Maclaren, Herbst, J Magn Reson Imaging 42(4), 2015",
    "jpeg": "ITU-T T.81, Annex K; chroma filters of libjpeg",
    "field-of-view": "linear magnification",
    "rotation": "bilinear interpolation",
}
