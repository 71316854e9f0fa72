"""Small image folders like a user's, with domains, groups and a visible class."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

DOMAINS = {"site-a": 80, "site-b": 24, "site-c": 24}
SIDE = 32


def picture(rng: np.random.Generator, label: int, dark: float, channels: int, side: int) -> np.ndarray:
    """Draw an 8-bit image: noise, and a bright square if the label is 1."""
    image = rng.uniform(0.2, 0.5, (side, side, channels))
    if label:
        row, col = rng.integers(2, side - 10, 2)
        image[row : row + 8, col : col + 8] += 0.4
    return (np.clip(image * dark, 0, 1) * 255).astype(np.uint8)


def folder(
    where: Path,
    domains: dict[str, int] | None = None,
    channels: int = 1,
    side: int = SIDE,
    names: tuple[str, ...] = ("healthy", "sick"),
) -> Path:
    """Write images and `manifest.csv` into a new folder and return it; two images per patient."""
    (where / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (where / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label", "domain", "split_group", "camera"])
        for number, (domain, count) in enumerate((DOMAINS if domains is None else domains).items()):
            for index in range(count):
                label = (index // 2) % len(names)
                pixels = picture(rng, label, 1 - 0.25 * number, channels, side)
                name = f"images/{domain}-{index:03d}.png"
                Image.fromarray(pixels.squeeze()).save(where / name)
                writer.writerow([name, names[label], domain, f"{domain}-p{index // 2}", "x"])
    return where


def edit(where: Path, old: str, new: str, count: int = 1) -> Path:
    """Replace text in the manifest."""
    path = where / "manifest.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))
    return where
