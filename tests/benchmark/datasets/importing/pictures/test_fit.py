"""Oblong pictures become squares by cropping, padding or stretching, and what that costs is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers.images.dicom_files import write as write_dicom
from helpers.images.picture_files import listed
from helpers.importing import refused
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.resize import square
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")

WIDE = np.zeros((16, 40), dtype=np.uint8)
WIDE[:, :8], WIDE[:, 32:] = 200, 100


def dicom(path, values):
    write_dicom(path, values.astype(np.uint16) * 257, int(path.stem))


@pytest.mark.parametrize(("write", "ending"), [(lambda path, v: Image.fromarray(v).save(path), "png"), (dicom, "dcm")])
def test_what_a_crop_cuts_off_is_measured_and_kept_by_other_fits(tmp_path, write, ending):
    where = listed(tmp_path / "in", [WIDE] * 4, write, ending)
    made = {fit: add(fit, where, Options(fit=fit)) for fit in ("crop", "pad", "stretch")}
    full = 1 if ending == "png" else 257
    assert not made["crop"].pixels.any()
    assert "centre crop cuts off 60 % of the pixels of 4 images (--fit pad keeps them)" in made["crop"].notes
    padded = made["pad"].pixels[0, 0]
    assert padded.shape == (40, 40)
    assert np.array_equal(padded[12:28], WIDE.astype(int) * full)
    assert not padded[:12].any()
    assert not padded[28:].any()
    assert "4 oblong images are padded with black to squares" in made["pad"].notes
    stretched = made["stretch"].pixels[0, 0]
    assert stretched.shape == (16, 16)
    assert abs(int(stretched[8, 0]) - 200 * full) <= 2 * full
    assert abs(int(stretched[8, -1]) - 100 * full) <= 2 * full
    assert "4 oblong images are stretched to squares, by a factor of up to 2.5" in made["stretch"].notes
    for fit, stored in made.items():
        assert not any("crop" in note for note in stored.notes if fit != "crop")
        assert "original_width" not in stored.table  # all have the same size
        assert np.array_equal(read_manifest(where, fit=fit).pixels, stored.pixels // full)


def test_nothing_is_said_where_nothing_is_cropped_or_resized(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16)).astype(np.uint8)
    where = listed(tmp_path / "in", images)
    for fit in ("crop", "pad", "stretch"):
        made = add(fit, where, Options(fit=fit))
        assert made.notes == ()
        assert np.array_equal(made.pixels[:, 0], images)
    assert add("small", where, Options(image_size=8)).notes == ("resized to 8 x 8",)
    large = listed(tmp_path / "large", [np.resize(image, (100, 100)) for image in images])
    assert add("large", large, Options()).notes == (
        "resized to 96 x 96 (the smallest is 100: --image-size keeps more)",
    )


@pytest.mark.parametrize(("write", "ending"), [(lambda path, v: Image.fromarray(v).save(path), "png"), (dicom, "dcm")])
def test_sizes_that_differ_are_kept_in_the_table(tmp_path, write, ending):
    images = [np.full((16 + 4 * (index % 2), 40), 10 * index, dtype=np.uint8) for index in range(4)]
    where = listed(tmp_path / "in", images, write, ending)
    table = add("set", where, Options()).table
    assert table["original_width"].tolist() == ["40"] * 4
    assert table["original_height"].tolist() == ["16", "20", "16", "20"]
    own = pd.read_csv(where / "manifest.csv").assign(original_width="mine")
    own.to_csv(where / "manifest.csv", index=False)
    table = add("own", where, Options()).table
    assert table["original_width"].tolist() == ["mine"] * 4
    assert table["original_height"].tolist() == ["16", "20", "16", "20"]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_bars_are_as_dark_as_black(dtype):
    values = np.full((1, 8, 16), 50, dtype=dtype)
    values[0, 0, 0] = 20
    padded = square(values, 16, "pad")
    assert padded.dtype == dtype
    assert (padded[0, 4:12] == values).all()
    assert (padded[0, :4] == (20 if dtype == "float32" else 0)).all()  # floats have no black but their least
    assert (square(values, 16, "pad", black=7)[0, :4] == 7).all()
    assert square(values, 8, "pad").min() >= 0


def rescaled(path, values):
    write_dicom(path, values.astype(np.uint16), int(path.stem), RescaleSlope=1, RescaleIntercept=-24)


@pytest.mark.parametrize(
    ("write", "ending"), [(lambda path, v: Image.fromarray(v.astype(np.float32)).save(path), "tif"), (rescaled, "dcm")]
)
def test_bars_beside_floats_need_to_know_what_is_black(tmp_path, write, ending):
    images = [WIDE + np.uint8(index) for index in range(4)]
    where = listed(tmp_path / "in", images, write, ending)
    with pytest.raises(MedshiftError, match=r"--fit pad: 4 images of floats .* value is black: give --value-range"):
        add("set", where, Options(fit="pad"))
    made = add("ranged", where, Options(fit="pad", value_ranges=("-50,300",)))
    assert (made.pixels[:, 0, 0] == -50).all()
    square_ones = listed(tmp_path / "square", [image[:, :16] for image in images], write, ending)
    assert add("square", square_ones, Options(fit="pad")).pixels.shape == (4, 1, 16, 16)


def test_volumes_keep_their_proportions(tmp_path, home):
    import nibabel

    where = listed(
        tmp_path / "in",
        np.random.default_rng(0).normal(size=(4, 8, 8, 8)),
        lambda path, values: nibabel.Nifti1Image(values.astype(np.float32), np.eye(4)).to_filename(path),
        "nii.gz",
    )
    for fit in ("pad", "stretch"):
        assert f"--fit {fit} goes with pictures or DICOM, not with NIfTI" in " ".join(refused(where, home, fit=fit))
