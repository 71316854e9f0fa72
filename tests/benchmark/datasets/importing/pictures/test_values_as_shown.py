"""Values of pictures are read as viewers show them: inversions, palettes, planes, signs and declared depths."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from helpers.images.picture_files import listed
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")

EIGHT = np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype(np.uint8)
EIGHT[:, 0, 0], EIGHT[:, 0, 1] = 0, 255
TWELVE = EIGHT.astype(np.uint16) * 16 + np.uint16(15) * (EIGHT == 255)


@pytest.mark.parametrize("ranges", [(), ("0,4095",)])
def test_a_tiff_that_says_its_depth_is_taken_at_its_word(tmp_path, ranges):
    def write(path, values):
        tifffile.imwrite(path, values, extratags=[(281, 3, 1, 4095, True)])

    where = listed(tmp_path / "in", TWELVE, write, "tif")
    made = add("set", where, Options(value_ranges=ranges))
    assert made.value_range == (0, 4095)
    assert np.array_equal(made.pixels[:, 0], TWELVE)
    assert not any("?" in note for note in made.notes)
    assert np.array_equal(read_manifest(where).pixels[:, 0], TWELVE >> 4)


def test_a_greatest_value_that_a_tiff_has_measured_is_no_depth(tmp_path):
    def write(path, values):
        tifffile.imwrite(path, values, extratags=[(281, 3, 1, 4000, True)])

    assert add("set", listed(tmp_path / "in", TWELVE, write, "tif"), Options()).value_range is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (EIGHT > 100, np.where(EIGHT > 100, 0, 255)),
        (EIGHT, 255 - EIGHT),
        (EIGHT * np.uint16(257), (255 - EIGHT) * np.uint16(257)),
        (EIGHT / np.float32(255), 1 - EIGHT / np.float32(255)),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_white_is_zero_is_inverted_in_every_depth(tmp_path, values, expected, order):
    if values.dtype == np.uint16 and order == ">":
        pytest.skip("Pillow does not read it: refused")

    def write(path, image):
        tifffile.imwrite(path, image, photometric="miniswhite", byteorder=order)

    made = add("set", listed(tmp_path / "in", values, write, "tif"), Options())
    assert np.array_equal(made.pixels[:, 0], expected)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint32", "int32", "float64"])
def test_values_that_would_be_misread_are_refused_with_the_way_on(tmp_path, dtype):
    where = listed(tmp_path / "in", EIGHT[:4].astype(dtype) // 2, tifffile.imwrite, "tif")
    with pytest.raises(MedshiftError, match=r"8 or 16 bits or float32"):
        add("set", where, Options())


def test_colour_in_planes_is_read_as_in_pixels(tmp_path):
    for dtype in (np.uint8, np.uint16):
        values = np.stack([EIGHT, EIGHT // 2, 255 - EIGHT], axis=1).astype(dtype) * dtype(np.iinfo(dtype).max // 255)
        where = listed(
            tmp_path / np.dtype(dtype).name,
            values,
            lambda path, image: tifffile.imwrite(path, image, photometric="rgb", planarconfig="separate"),
            "tif",
        )
        assert np.array_equal(add(np.dtype(dtype).name, where, Options()).pixels, values)
        direct = values if dtype == np.uint8 else values >> 8
        assert np.array_equal(read_manifest(where).pixels, direct)


def test_sixteen_bits_in_cmyk_are_no_rgb(tmp_path):
    four = np.stack([EIGHT] * 4, axis=-1).astype(np.uint16)
    where = listed(
        tmp_path / "in", four, lambda path, image: tifffile.imwrite(path, image, photometric="separated"), "tif"
    )
    with pytest.raises(MedshiftError, match="16-bit colour in CMYK: save it as RGB"):
        add("set", where, Options())


def test_a_palette_of_eight_bits_is_not_black(tmp_path):
    colours = np.stack([np.arange(256)] * 3).astype(np.uint16)  # the standard asks for 16

    def write(path, values):
        tifffile.imwrite(path, values, photometric="palette", colormap=colours)

    assert (add("set", listed(tmp_path / "in", EIGHT, write, "tif"), Options()).pixels == EIGHT[:, None]).all()


def test_a_palette_from_white_to_black_is_seen_as_a_viewer_shows_it(tmp_path):
    def write(path, values):
        image = Image.fromarray(values, "P")
        image.putpalette(np.repeat(255 - np.arange(256), 3).astype(np.uint8).tobytes())
        image.save(path)

    for ending in ("png", "bmp", "tif"):
        made = add(ending, listed(tmp_path / ending, EIGHT, write, ending), Options())
        assert (made.pixels == 255 - EIGHT[:, None]).all()


@pytest.mark.parametrize(("mode", "expected"), [("CMYK", 55), ("LAB", 119)])
def test_other_colour_spaces_are_shown_as_colours(tmp_path, mode, expected):
    fill = (0, 0, 0, 200) if mode == "CMYK" else (128, 128, 128)

    def write(path, size):
        Image.new(mode, (size, size), fill).save(path)

    made = add("set", listed(tmp_path / "in", [8] * 4, write, "tif" if mode == "LAB" else "jpg"), Options())
    assert made.pixels.shape[1] == 3
    assert np.abs(made.pixels.astype(int) - expected).max() <= 2
