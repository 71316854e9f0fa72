"""Draw the pictures of the documentation: `python docs/tools/pictures.py docs/assets`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from diagrams import DIAGRAMS
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from nilearn.datasets import load_mni152_template
from PIL import Image

from medshift.shifts import apply_shift, shift_info
from medshift.shifts.catalogue import severities as physical

SHOWN = ("rician-noise", "psf-blur", "ghosting")
SEVERITIES = (1, 3, 5)
SEED = 4  # of the first seeds one that misses two of forty, as is to be expected
BLUE, ORANGE, GREY = "#1f6fb2", "#c8590f", "#59636e"
STYLE = {
    "svg.hashsalt": "medshift",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["system-ui", "Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def slices() -> torch.Tensor:
    """Return axial slices of the ICBM152 template as shipped by nilearn: (N, 1, H, W) in [0, 1]."""
    volume = np.asarray(load_mni152_template(resolution=2).dataobj, dtype=np.float32)
    middle = volume.shape[2] // 2
    planes = np.stack([np.rot90(volume[:, :, middle + step]) for step in range(-8, 12, 2)])
    return torch.from_numpy((planes / planes.max()).copy())[:, None]


def shifts(images: torch.Tensor) -> Figure:
    """Draw one slice as acquired, and under some shifts."""
    one = images[4:5]
    figure, axes = plt.subplots(len(SHOWN), 1 + len(SEVERITIES), figsize=(6.4, 5.9), layout="constrained")
    for row, name in zip(axes, SHOWN, strict=True):
        cells = [one, *(apply_shift(name, one, severity, ["slice"], seed=0) for severity in SEVERITIES)]
        values = physical(name)
        titles = ["as acquired", *(f"severity {s}: {values[s - 1]:g} {shift_info(name).unit}" for s in SEVERITIES)]
        for axis, cell, title in zip(row, cells, titles, strict=True):
            axis.imshow(cell[0, 0], cmap="gray", vmin=0, vmax=1)
            axis.set_title(title, fontsize=8)
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
        row[0].set_ylabel(name, fontsize=9)
    return figure


def intervals() -> Figure:
    """Draw forty simulated studies of one model, with the true figure."""
    rng = np.random.default_rng(SEED)
    truth, patients = 0.80, 60
    figure, axis = plt.subplots(figsize=(6.2, 2.6), layout="constrained")
    axis.axhline(truth, color=GREY, linewidth=1)
    axis.annotate("true figure", (41, truth), fontsize=9, color=GREY, va="center", annotation_clip=False)
    for study in range(40):
        right = rng.binomial(5, rng.beta(8, 2, patients)) / 5  # patients differ: their images err together
        half = 2.0 * right.std(ddof=1) / patients**0.5  # Student's t with 59 degrees of freedom
        holds = abs(right.mean() - truth) <= half
        axis.errorbar(
            study, right.mean(), half, fmt="o" if holds else "s", markersize=3, color=BLUE if holds else ORANGE
        )
    axis.set(xticks=[], xlabel="forty studies of the same model, 60 patients each", ylabel="accuracy")
    return figure


def audit(images: torch.Tensor) -> Figure:
    """Draw how a domain is placed on the curve of a shift."""

    def sharpness(batch: torch.Tensor) -> float:
        return float((batch[..., 1:] - batch[..., :-1]).abs().mean())

    source, other = images[::2], images[1::2]
    severities = np.linspace(0.25, 5, 20)
    names = [str(number) for number in range(len(source))]
    curve = [sharpness(apply_shift("psf-blur", source, float(s), names, seed=0)) for s in severities]
    measured = sharpness(apply_shift("psf-blur", other, 2, names, seed=0))
    place = float(np.interp(-measured, -np.array(curve), severities))
    figure, axis = plt.subplots(figsize=(6.2, 2.8), layout="constrained")
    axis.plot(severities, curve, color=BLUE, label="the source, blurred more and more")
    axis.axhline(measured, color=ORANGE, linestyle="--", label="another site, as it is")
    axis.plot([place, place], [min(curve), measured], color=GREY, linewidth=1)
    axis.annotate(f"placed at psf-blur {place:.1f}", (place + 0.1, min(curve)), color=GREY)
    axis.set(xlabel="severity of psf-blur", ylabel="sharpness", yticks=[])
    axis.legend(frameon=False)
    return figure


def draw(folder: Path) -> None:
    """Write all pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    images = slices()
    with mpl.rc_context(STYLE):
        for name, figure in (("intervals", intervals()), ("audit", audit(images))):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        drawn = shifts(images)
        drawn.savefig(folder / "shifts.png", dpi=120)
    plt.close("all")
    with Image.open(folder / "shifts.png") as picture:
        picture.convert("L").quantize(64).save(folder / "shifts.png", optimize=True)
    for name, text in DIAGRAMS.items():
        (folder / f"{name}.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
