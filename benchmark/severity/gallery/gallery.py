"""The page of the gallery: each shift at five severities, with its physics, unit and source."""

from __future__ import annotations

import base64
import inspect
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ....shifts.apply import apply_shift
from ....shifts.catalogue import BUILTINS, FAMILIES, SEVERITIES, Entry, load_shift, severities
from ....shifts.families.sources import SOURCES
from ...reporting import glossary
from ...reporting.html import TEMPLATES as SHARED
from ...reporting.html import inlined, page_style, template_environment
from .pictures import DEPTH, SIDE, TITLES, picture, volume

TEMPLATES = Path(__file__).with_name("templates")
SEED, SAMPLE = 0, "gallery"
COLOURS = 128  # of a colour picture: few bytes, and no difference that the eye sees at this size
SHOWN_ON = {  # where the first modality that a shift applies to does not show it best
    "any": "mr",
    "exposure": "xray",
    "tone-curve": "xray",
    "window": "ct",
    "detector-binning": "xray",
    "colour-temperature": "dermoscopy",
    "motion-blur": "dermoscopy",
    "defocus": "microscopy",
    "jpeg": "dermoscopy",
    "field-of-view": "fundus",
    "stain-giemsa": "blood",
    "correlated-noise": "ct",
}
APPLIES = re.compile(r"\s*\(modalit(?:y|ies):[^)]*\)|^Modalit(?:y|ies):[^.]*\.", re.MULTILINE)
TOGETHER = 250  # characters of a sentence on the severity and what follows it, which may refer to it
SCALE = re.compile(r"Severity is .*?\.(?= [A-Z]|$)")


def gallery(home: str = "", progress: Callable[[int, int], None] = lambda done, count: None) -> str:
    """Render the gallery of the built-in shifts. The same version of medshift gives the same bytes.

    Args:
        home: File of the site's index beside the page; empty for none.
        progress: Called with (shifts drawn, shifts).
    """
    drawn: dict[str, list[dict[str, object]]] = {family: [] for family in FAMILIES}
    for number, entry in enumerate(BUILTINS.values()):
        progress(number, len(BUILTINS))
        drawn[entry.family].append(_shift(entry))
    progress(len(BUILTINS), len(BUILTINS))
    script = (SHARED / "terms.js").read_text(encoding="utf-8")
    style = page_style(SHARED / "terms.css", TEMPLATES / "gallery.css")
    terms = glossary.chosen("shift", "severity", "family", "modality", "synthesized", "simulated")
    return (
        template_environment(TEMPLATES)
        .get_template("gallery.html")
        .render(
            families={family: shifts for family, shifts in drawn.items() if shifts},
            home=home,
            side=SIDE,
            terms=terms,
            term=glossary.term,
            **inlined(style, script),
        )
    )


def _shift(entry: Entry) -> dict[str, object]:
    """Collect what the page shows of a shift."""
    key = shown_on(entry)
    image = volume() if entry.dims == (3,) else picture(key)
    batch = torch.from_numpy(image)[None]
    values = severities(entry.name) or ()
    frames = [{"title": "clean", "value": "", "uri": _uri(image)}]
    for step, value in zip(SEVERITIES, values, strict=True):
        shifted = apply_shift(entry.name, batch, step, [SAMPLE], SEED)[0].numpy()
        frames.append({"title": str(step), "value": f"{value:g}", "uri": _uri(shifted)})
    physics, scale = physics_of(entry)
    return {
        "name": entry.name,
        "summary": entry.summary,
        "unit": entry.unit,
        "modalities": entry.modalities,
        "takes": " and ".join(f"{dims}-D" for dims in entry.dims) + ("" if 0 in entry.channels else ", RGB"),
        "version": entry.version,
        "source": SOURCES[entry.name],
        "physics": physics,
        "scale": scale,
        "picture": "a plane across the slices of a drawn CT volume" if entry.dims == (3,) else TITLES[key],
        "frames": frames,
    }


def shown_on(entry: Entry) -> str:
    """Choose the picture of a shift: by its name, or else by the first modality that it applies to."""
    return SHOWN_ON.get(entry.name) or SHOWN_ON.get(entry.modalities[0], entry.modalities[0])


def physics_of(entry: Entry) -> tuple[list[str], str]:
    """Read what a shift does from the docstring of its function: paragraphs, and the sentence on its severity."""
    text = inspect.getdoc(load_shift(entry.name)) or ""
    text = re.split(r"\n\s*\n(?:Args|Returns|Raises):", text)[0].replace("`", "")
    text = APPLIES.sub("", text)  # the page says it beside them
    for name in BUILTINS:
        text = text.replace(name.replace("-", "_"), name)
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
    scale, rest = "", []
    for part in paragraphs:
        found = None if scale else SCALE.search(part)
        if found:
            scale, after = found[0], part[found.end() :]
            if len(scale + after) <= TOGETHER:
                scale, after = scale + after, ""
            part = part[: found.start()] + after.lstrip()
        rest.append(part.strip())
    return [part for part in rest if part], scale


def _uri(image: NDArray[np.float32]) -> str:
    """Encode a picture, (C, H, W), or the plane across a volume, as a PNG data URI."""
    if image.ndim == 4:
        image = image[:, :, image.shape[2] // 2].repeat(SIDE // DEPTH, axis=1)
    levels = np.rint(image * 255).astype(np.uint8)
    drawn = Image.fromarray(np.moveaxis(levels, 0, -1)) if len(levels) == 3 else Image.fromarray(levels[0])
    if len(levels) == 3:
        drawn = drawn.quantize(COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
