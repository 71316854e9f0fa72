"""The measures of a fingerprint that react to each shift, by its physics."""

from __future__ import annotations

SPREAD = "~"  # marks the squared distance from the source's mean, for shifts that move images either way

REACTS: dict[str, tuple[str, ...]] = {
    "gamma": ("midtone", "level"),
    "contrast-loss": ("black", "white"),
    "exposure": ("level~", "white~"),
    "tone-curve": ("midtone~", "level~"),
    "window": ("clipped",),
    "saturation": ("chroma",),
    "colour-temperature": ("warmth~",),
    "stain-he": ("tint~", "warmth~"),
    "stain-giemsa": ("tint~", "warmth~"),
    "gaussian-noise": ("noise",),
    "poisson-noise": ("noise",),
    "rician-noise": ("noise",),
    "speckle": ("noise",),
    "dead-pixels": ("specks",),
    "correlated-noise": ("noise", "grain"),
    "psf-blur": ("edge", "fine"),
    "defocus": ("edge", "fine"),
    "motion-blur": ("edge", "streaks"),
    "matrix-reduction": ("edge", "fine"),
    "detector-binning": ("edge", "fine"),
    "bias-field": ("field",),
    "vignetting": ("corners",),
    "grid-lines": ("lines",),
    "ring-artefact": ("rings",),
    "gibbs-ringing": ("rows",),
    "ghosting": ("ghosts",),
    "kspace-spike": ("stripes",),
    "jpeg": ("blocks", "joints"),
}

BELOW = {
    "contrast": "shifted the other way from the source",
    "noise": "cleaner than the source",
    "resolution": "sharper than the source",
    "artefact": "weaker than in the source",
}
BELOW_OF = {
    "gamma": "brighter mid-tones than the source",
    "contrast-loss": "more contrast than the source",
    "exposure": "more even brightness than the source",
    "tone-curve": "more even tone curves than the source",
    "window": "less clipped than the source",
    "saturation": "stronger colours than the source",
    "colour-temperature": "more even colour casts than the source",
    "stain-he": "more even stains than the source",
    "stain-giemsa": "more even stains than the source",
    "vignetting": "brighter corners than the source",
    "gibbs-ringing": "sharper along the rows' axis than the source",
}

UNPLACED = {
    "rotation": "an angle cannot be distinguished from patient positioning",
    "field-of-view": "magnification cannot be distinguished from blur or from larger patients",
    "rigid-motion": "doubled edges cannot be distinguished from anatomy",
    "slice-thickness": "slices are measured one by one",
}


def meaning_below_zero(shift: str, family: str) -> str:
    """Describe a domain that lies below 0 on a shift's scale."""
    return BELOW_OF.get(shift, BELOW.get(family, BELOW["contrast"]))
