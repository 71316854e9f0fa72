"""NaN in float pictures is refused with the way on, or replaced as --nan-as says."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from helpers.images.picture_files import listed

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.shifts.errors import MedshiftError


@pytest.mark.usefixtures("home")
def test_nan_of_float_pictures_is_replaced_before_resizing(tmp_path):
    values = np.linspace(5, 9, 16 * 16, dtype=np.float32).reshape(16, 16)
    for number in range(8):
        path = tmp_path / "in" / "AB"[number // 4] / ("neg", "pos")[number % 2] / f"{number}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.where(np.arange(16) < 3, np.nan, values) if number % 2 else values + number)
    with pytest.raises(MedshiftError, match="48 of 256 pixels are NaN or infinite: --nan-as darkest"):
        add("set", tmp_path / "in", Options())
    made = add("set", tmp_path / "in", Options(nan_as="darkest"))
    assert "NaN and infinite pixels become the least of their image (--nan-as)" in made.notes
    odd = made.pixels[made.table["sample_id"].str.contains("1.tif"), 0][0]
    assert np.array_equal(odd[:, 3:], values[:, 3:])
    assert (odd[:, :3] == values[0, 3]).all()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_option_is_refused_where_no_picture_can_hold_nan(tmp_path, dtype):
    where = listed(tmp_path / "in", np.arange(8 * 64, dtype=dtype).reshape(8, 8, 8))
    with pytest.raises(MedshiftError, match=r"^--nan-as goes with floats, and no picture of the set holds them"):
        add("set", where, Options(nan_as="0"))
    with pytest.raises(MedshiftError, match=r"^--nan-as goes with floats"):
        read_manifest(where, nan_as="0")


@pytest.mark.usefixtures("home")
def test_floats_that_eight_bits_cannot_hold_are_told_before_the_option(tmp_path):
    where = listed(tmp_path / "in", np.arange(8 * 64, dtype=np.uint8).reshape(8, 8, 8))
    tifffile.imwrite(where / "000.png", np.full((8, 8), np.nan, dtype=np.float32))
    with pytest.raises(MedshiftError, match=r"000\.png: values are float32, which 8 bits cannot hold"):
        read_manifest(where, nan_as="0")
