"""Small image folders like a user's, with domains, groups and a visible class."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

DOMAINS = {"site-a": 80, "site-b": 24, "site-c": 24}
SIDE = 32
HEAD = ("image", "label", "domain", "split_group")


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


def pictures(where: Path, names: Sequence[str]) -> list[str]:
    """Write an image of other noise under each name."""
    for number, name in enumerate(names):
        path = where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    return list(names)


def make_set(where: Path, labels: Sequence[str], **csv_format: Any) -> list[list[str]]:
    """Write an image per label, of the domains A and B in turn, and `manifest.csv`; return its rows."""
    names = pictures(where, [f"im/{index}.png" for index in range(len(labels))])
    rows = [
        [name, label, "AB"[index % 2], f"p{index}"]
        for index, (name, label) in enumerate(zip(names, labels, strict=True))
    ]
    write_manifest(where, [HEAD, *rows], **csv_format)
    return rows


def write_manifest(where: Path, rows: Sequence[Sequence[str]], **csv_format: Any) -> Path:
    """Write `manifest.csv` in the form of the csv module's options."""
    path = where / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **csv_format).writerows(rows)
    return path
