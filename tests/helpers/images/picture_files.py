"""Folders of pictures of any kind, with a manifest, and PNG of kinds that Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

KINDS = {1: 0, 2: 4, 3: 2, 4: 6}  # colour type of a PNG by its number of channels


def png(
    path: Path, values: np.ndarray, *chunks: tuple[bytes, bytes], late: tuple[bytes, bytes] | None = None, bits: int = 0
) -> None:
    """Write a PNG (H, W, C) of 8 or 16 bits, or fewer `bits`, with further chunks, `late` behind the pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width, channels = values.shape
    size = values.dtype.itemsize
    head = struct.pack(">IIBBBBB", width, height, bits or 8 * size, KINDS[channels], 0, 0, 0)
    kept = [np.unpackbits(row, axis=-1)[:, -bits:] for row in values] if bits else []
    packed = [np.packbits(row) for row in kept] or list(values)
    rows = b"".join(b"\0" + row.astype(f">u{size}").tobytes() for row in packed)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), *([late] if late else []), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def exif(orientation: int) -> Image.Exif:
    """Return EXIF that holds an orientation."""
    made = Image.Exif()
    made[274] = orientation
    return made


def listed(
    where: Path,
    images: Sequence[Any],
    write: Callable[[Path, Any], object] = lambda path, values: Image.fromarray(values).save(path),
    ending: str = "png",
    domains: Sequence[str] = ("a",),
) -> Path:
    """Write images with a manifest: domains in turn, classes in pairs, each image its own patient.

    Args:
        where: The new folder.
        images: What `write` takes.
        write: Writes one of them to a path.
        ending: Of the files' names.
        domains: Names, taken in turn.
    """
    where.mkdir(parents=True)
    lines = ["image,label,domain,split_group"]
    for index, image in enumerate(images):
        name = f"{index:03d}.{ending}"
        write(where / name, image)
        lines.append(f'{name},{["no", "yes"][index // 2 % 2]},"{domains[index % len(domains)]}",p{index}')
    (where / "manifest.csv").write_text("\n".join(lines) + "\n")
    return where
