"""Transparent pixels of every kind of picture are shown on one colour, whatever lies beneath them."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile
from helpers.images.picture_files import listed, png
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")

SIDE = 8
CLEAR = np.s_[:4, :4]  # the corner that is transparent
NOTE = "transparent pixels of 4 images are shown on {} (--background)"


def grey(beneath: int, dtype=np.uint8) -> np.ndarray:
    values = np.full((SIDE, SIDE), 100 if dtype == np.uint8 else 100 * 257, dtype=dtype)
    values[CLEAR] = beneath
    return values


def alpha(dtype=np.uint8) -> np.ndarray:
    made = np.full((SIDE, SIDE), np.iinfo(dtype).max, dtype=dtype)
    made[CLEAR] = 0
    return made


def with_alpha(mode):
    def write(path, beneath):
        colour = Image.fromarray(grey(beneath)).convert(mode.rstrip("A") or "L")
        colour.putalpha(Image.fromarray(alpha()))
        colour.save(path)

    return write


def palette(transparency):
    def write(path, beneath):
        image = Image.fromarray(np.where(alpha() == 0, 0, 1).astype(np.uint8), "P")
        image.putpalette([beneath] * 3 + [100] * 3)
        image.save(path, transparency=transparency)

    return write


def keyed(mode, bits):
    """Write a PNG in which one value is transparent."""

    def write(path, beneath):
        dtype = np.dtype(f"u{bits // 8}")
        channels = len(mode)
        values = np.repeat(grey(beneath, dtype)[..., None], channels, axis=2)
        png(path, values, (b"tRNS", struct.pack(f">{channels}H", *[beneath] * channels)))

    return write


def deep(channels):
    def write(path, beneath):
        values = np.repeat(grey(beneath, np.uint16)[..., None], channels, axis=2)
        png(path, np.dstack([values, alpha(np.uint16)]))

    return write


def tiff(channels, dtype):
    """Write unassociated alpha."""

    def write(path, beneath):
        values = np.dstack([grey(beneath, dtype)] * channels + [alpha(dtype)])
        photometric = "rgb" if channels == 3 else "minisblack"
        tifffile.imwrite(path, values, photometric=photometric, extrasamples=["unassalpha"])

    return write


def premultiplied(channels, dtype):
    """Write associated alpha: whatever was beneath is gone, but for what a careless program leaves."""

    def write(path, beneath):
        values = np.dstack([grey(0, dtype)] * channels + [alpha(dtype)])
        photometric = "rgb" if channels == 3 else "minisblack"
        tifffile.imwrite(path, values, photometric=photometric, extrasamples=["assocalpha"])

    return write


@pytest.mark.parametrize(
    ("write", "ending"),
    [
        (with_alpha("RGBA"), "png"),
        (with_alpha("LA"), "png"),
        (palette(b"\0"), "png"),
        (palette(0), "png"),
        (keyed("L", 8), "png"),
        (keyed("RGB", 8), "png"),
        (keyed("L", 16), "png"),
        (keyed("RGB", 16), "png"),
        (deep(1), "png"),
        (deep(3), "png"),
        (tiff(1, np.uint8), "tif"),
        (tiff(3, np.uint8), "tif"),
        (tiff(3, np.uint16), "tif"),
        (premultiplied(1, np.uint8), "tif"),
        (premultiplied(3, np.uint8), "tif"),
        (premultiplied(3, np.uint16), "tif"),
    ],
)
def test_what_lies_beneath_transparent_pixels_is_not_seen(tmp_path, write, ending):
    where = listed(tmp_path / "set", (255, 0, 7, 200), write, ending)
    for background, corner in (("", 0), ("#00ff00", 150), ("white", 255)):
        made = add(f"set{corner}", where, Options(background=background, channels=1))
        full = 257 if made.pixels.dtype == np.uint16 else 1
        assert np.abs(made.pixels[:, 0, :4, :4].astype(float) - corner * full).max() <= full // 2
        assert (made.pixels[:, 0, 4:] == 100 * full).all()
        name = {"": "black", "#00ff00": "rgb(0, 255, 0)", "white": "rgb(255, 255, 255)"}[background]
        assert NOTE.format(name) in made.notes
        direct = read_manifest(where, background=background, channels=1)
        assert (direct.pixels[:, 0, :4, :4] == corner).all()
        assert (direct.pixels[:, 0, 4:] == 100).all()


@pytest.mark.parametrize(("bits", "key"), [(1, 0), (1, 1), (2, 0), (2, 3), (4, 1), (4, 14), (4, 15)])
def test_the_transparent_level_of_few_bits_is_one_of_them(tmp_path, bits, key):
    levels = np.tile(np.arange(16, dtype=np.uint8) % 2**bits, (16, 1))
    code = (b"tRNS", struct.pack(">H", key))
    where = listed(tmp_path / "set", [levels] * 4, lambda path, of: png(path, of[..., None], code, bits=bits))
    made = add("set", where, Options(background="#7b7b7b", channels=1))
    assert np.array_equal(made.pixels[0, 0], np.where(levels == key, 0x7B, levels * (255 // (2**bits - 1))))
    assert NOTE.format("rgb(123, 123, 123)") in made.notes


def test_half_transparent_pixels_are_mixed_with_the_background(tmp_path):
    def write(path, channels):
        png(path, np.full((SIDE, SIDE, channels), 32768, dtype=np.uint16))

    for channels in (2, 4):
        where = listed(tmp_path / f"set{channels}", [channels] * 4, write)
        assert (add(f"dark{channels}", where, Options()).pixels == 16384).all()
        assert (add(f"light{channels}", where, Options(background="white")).pixels == 49151).all()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_opaque_alpha_changes_no_byte_and_says_nothing(tmp_path, mode):
    images = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE)).astype(np.uint8)
    plain = mode.rstrip("A") or "L"
    where = listed(tmp_path / "set", images, lambda path, values: Image.fromarray(values).convert(mode).save(path))
    other = listed(tmp_path / "plain", images, lambda path, values: Image.fromarray(values).convert(plain).save(path))
    made, expected = add("set", where, Options()), add("plain", other, Options())
    assert np.array_equal(made.pixels, expected.pixels)
    assert made.notes == expected.notes


def test_a_fourth_channel_that_is_no_alpha_hides_nothing(tmp_path):
    values = np.full((SIDE, SIDE, 4), 100, dtype=np.uint8)
    values[..., 3] = 0
    for dtype in (np.uint8, np.uint16):
        where = listed(
            tmp_path / np.dtype(dtype).name,
            [values.astype(dtype)] * 4,
            lambda path, four: tifffile.imwrite(path, four, photometric="rgb", extrasamples=["unspecified"]),
            "tif",
        )
        assert (add(np.dtype(dtype).name, where, Options()).pixels == 100).all()


@pytest.mark.parametrize(
    ("channels", "photometric", "kinds"),
    [(2, "minisblack", ["unspecified"]), (5, "rgb", ["unspecified"] * 2)],
)
def test_further_channels_are_refused_and_not_dropped(tmp_path, channels, photometric, kinds):
    values = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, channels), dtype=np.uint8)

    def write(path, values):
        tifffile.imwrite(path, values, photometric=photometric, extrasamples=kinds, planarconfig="contig")

    where = listed(tmp_path / "in", [values] * 4, write, "tif")
    with pytest.raises(MedshiftError, match="besides grey, colour and transparency: save one channel per file"):
        add("set", where, Options())


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_an_alpha_that_would_hide_everything_is_not_used(tmp_path, channels, dtype):
    values = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, channels)).astype(dtype)
    values *= values.dtype.type(np.iinfo(dtype).max // 255)
    values[..., -1] = 0
    made = add("set", listed(tmp_path / "set", values, png), Options())
    assert np.array_equal(np.moveaxis(made.pixels, 1, -1), values[..., :-1])
    assert made.notes == ("alpha of 4 images is zero everywhere: ignored",)
