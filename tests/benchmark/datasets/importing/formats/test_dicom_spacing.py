"""Pixels of DICOM that are not square are made square before an image is cropped."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.images.dicom_files import tree, write

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.dicom.header import read_header
from medshift.benchmark.datasets.importing.options import Options

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize(
    "tags",
    [{"PixelSpacing": [1, 2]}, {"ImagerPixelSpacing": [0.1, 0.2]}, {"PixelAspectRatio": ["1", "2"]}],
)
def test_wide_pixels_make_an_image_wider(tmp_path, tags):
    whole = np.repeat(np.arange(8, dtype=np.uint16) * 500, 4)[None].repeat(32, axis=0)  # 32 x 32, steps of 4 columns
    for number in range(8):
        values = whole if number // 4 else whole[:, ::2]
        path = tmp_path / "in" / ("no", "yes")[number // 2 % 2] / f"{number}.dcm"
        write(path, values.copy(), number, bits=12, Manufacturer="AB"[number // 4], **({} if number // 4 else tags))
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert made.pixels.shape == (8, 1, 32, 32)
    values = {name: made.pixels[(made.table["domain"] == name).to_numpy()].astype(int) for name in "AB"}
    assert np.abs(values["A"] - values["B"]).max() <= 250  # the same but for the edges: a crop would be off by 1000
    assert np.abs(values["A"] - values["B"]).mean() < 60
    assert "pixels that are not square (height to width 0.5) are resampled to squares: 4 of 8 files" in made.notes
    assert "original_width" not in made.table


@pytest.mark.parametrize("spacing", [[1, 1], [0.5, 0.501], [0, 1], [1, 5000], None])
def test_square_pixels_and_impossible_ones_stay(tmp_path, spacing):
    where, ramp = tree(tmp_path / "in", **({"PixelSpacing": spacing} if spacing else {}))
    assert read_header(next(where.rglob("*.dcm"))).size == (16, 16)
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert (made.pixels[:, 0] == ramp).all()
    assert not any("square" in note for note in made.notes)
