"""NaN in float pictures is refused with the way on, or replaced as --nan-as says."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
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
    odd = made.pixels[made.table["sample_id"].str.contains("1.tif"), 0][0]
    assert np.array_equal(odd[:, 3:], values[:, 3:])
    assert (odd[:, :3] == values[0, 3]).all()
