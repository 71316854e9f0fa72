"""Pictures of 8 and 16 bits and floats, grey and colour, with alpha or inverted: values are read as stored."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers.images.image_folders import folder
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.resize import luma
from medshift.benchmark.datasets.importing.options import Options

pytestmark = pytest.mark.usefixtures("home")


def png(path, values):
    """Write a 16-bit PNG, which Pillow can only for grey: 2 channels are grey and alpha, 4 colour and alpha."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width, channels = values.shape
    kind = {2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def save(path: Path, values, form: str):
    if form == "png16" and values.ndim == 3:
        png(path, values)
    elif values.ndim == 3 and values.dtype == np.uint16:
        tifffile.imwrite(path, values, photometric="rgb")
    else:
        Image.fromarray(values).save(path)


@pytest.mark.parametrize(
    ("form", "dtype", "channels"),
    [
        ("png", "uint8", 1),
        ("png", "uint8", 3),
        ("png16", "uint16", 1),
        ("png16", "uint16", 3),
        ("tif", "uint8", 1),
        ("tif", "uint8", 3),
        ("tif", "uint16", 1),
        ("tif", "uint16", 3),
        ("tif", "float32", 1),
        ("bmp", "uint8", 3),
    ],
)
def test_depths_and_channels_are_kept(tmp_path, form, dtype, channels):
    rng = np.random.default_rng(0)
    shape = (12, 16) if channels == 1 else (12, 16, 3)
    images = (rng.uniform(0, 1, (4, *shape)) * (1 if dtype == "float32" else np.iinfo(dtype).max)).astype(dtype)
    for index, image in enumerate(images):
        path = tmp_path / "in" / "site" / f"class{index % 2}" / f"{index}.{form.removesuffix('16')}"
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, image, form)
    made = add("set", tmp_path / "in", Options())
    assert made.pixels.shape == (4, channels, 12, 12)
    assert made.pixels.dtype == dtype
    by_name = {Path(name).stem: pixels for name, pixels in zip(made.table["sample_id"], made.pixels, strict=True)}
    for index, image in enumerate(images):
        expected = image[:, 2:14].reshape(12, 12, channels)
        assert np.array_equal(np.moveaxis(by_name[str(index)], 0, -1), expected)


def test_sixteen_bits_of_which_much_is_dark_are_turned_as_eight_are(tmp_path):
    for index, kind in enumerate((np.uint8, np.uint16) * 2):
        for label in "ab":
            path = tmp_path / np.dtype(kind).name / label / f"{index}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, np.arange(144, dtype=kind).reshape(12, 12), photometric="miniswhite")
    for name, most in (("uint8", 255), ("uint16", 65535)):
        pixels = add(name, tmp_path / name, Options()).pixels
        assert (pixels == most - np.arange(144).reshape(12, 12)).all()


def test_sixteen_bits_are_resized_without_losing_them(tmp_path):
    row = np.linspace(1000, 60000, 64)
    for index in range(4):
        path = tmp_path / "in" / f"class{index % 2}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.tile(row, (64, 1)).astype(np.uint16)).save(path)
    pixels = add("set", tmp_path / "in", Options(image_size=16)).pixels
    expected = row.reshape(16, 4).mean(axis=1)
    assert np.abs(pixels[0, 0, 8, 2:-2] - expected[2:-2]).max() < 40
    assert len(np.unique(pixels[0])) > 12


def test_grey_is_exact_where_it_ends_in_a_half():
    colour = np.random.default_rng(0).integers(0, 65536, (3, 300, 1000)).astype(np.uint16)
    red, green, blue = colour.astype(np.int64)
    whole, rest = np.divmod(299 * red + 587 * green + 114 * blue, 1000)
    assert (rest == 500).sum() > 100
    assert np.array_equal(np.rint(luma(colour)), whole + (rest > 500) + ((rest == 500) & (whole % 2 == 1)))


def test_channels_are_made_alike_when_asked(tmp_path):
    small = folder(tmp_path / "in", domains={"a": 12, "b": 4})
    path = small / "images/a-000.png"
    colour = np.zeros((32, 32, 3), dtype=np.uint8)
    colour[..., 1] = 100
    Image.fromarray(colour).save(path)
    assert (add("grey", small, Options(channels=1)).pixels[0] == 59).all()  # 0.587 of it
    assert add("colour", small, Options(channels=3)).pixels.shape[1] == 3
