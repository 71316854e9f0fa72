"""What fills the space outside of NIfTI volumes whose field of view is smaller than that of the set."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def two_fields(where):
    """Write volumes of 20 to 60 from an even scanner, and from one whose field is narrower and has no air."""
    where.mkdir()
    rows = ["image,label,domain,split_group"]
    for name, width in (("even", 24), ("narrow", 16)):
        for label in ("no", "yes"):
            values = np.random.default_rng(width).uniform(20, 60, (width, 24, 24)).astype(np.float32)
            if name == "even":
                values[0] = -1000
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), where / f"{name}-{label}.nii")
            rows.append(f"{name}-{label}.nii,{label},{name},{name}-{label}")
    (where / "manifest.csv").write_text("\n".join(rows))
    return where


@pytest.mark.parametrize("slices", [0, 2])
@pytest.mark.parametrize(
    ("how", "black"),
    [
        ({"window": "40,400"}, 0),
        ({"window": "image"}, 0),
        ({"value_ranges": ("0,100",)}, 0),
        ({"value_ranges": ("-50,100",)}, -50),
        ({"value_ranges": ("even:-50,100", "narrow:10,80")}, 0),
        ({"value_ranges": ("10,100",), "depth": 8}, 0),
    ],
)
def test_space_outside_a_smaller_field_is_black(tmp_path, slices, how, black):
    made = add("set", two_fields(tmp_path / "in"), Options(image_size=24, voxel_mm=1.0, slices=slices, **how))
    narrow = made.pixels[made.table["domain"] == "narrow"]
    assert (narrow[..., :4] == black).all()
    assert (narrow[..., -4:] == black).all()
    assert (narrow[..., 5:-5] > black).mean() > 0.9


@pytest.mark.parametrize(
    ("slices", "what"), [(0, "their cube, as narrow-no.nii of 16 x 24 x 24"), (2, r"their square \(--slices\), as .*")]
)
def test_space_around_values_without_a_black_is_refused(tmp_path, slices, what):
    least = r"the least is -1000 in even-no.nii and 20.\d+ in narrow-no.nii"
    said = rf"^2 volumes do not fill {what} mm, and which value is black is not known \({least}\): give --window CENTRE"
    with pytest.raises(MedshiftError, match=said):
        add("set", two_fields(tmp_path / "in"), Options(image_size=24, voxel_mm=1.0, slices=slices))


@pytest.mark.parametrize("slices", [0, 2])
@pytest.mark.parametrize("air", [0, -1024])
def test_the_least_value_fills_the_space_where_all_volumes_share_it(tmp_path, air, slices):
    where = two_fields(tmp_path / "in")
    for path in where.glob("*.nii"):
        values = nibabel.load(path).get_fdata(dtype=np.float32).copy()
        values[8] = air
        values[values < 0] = air
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    seen = []
    options = Options(image_size=24, voxel_mm=1.0, slices=slices)
    made = add("set", where, options, lambda step, done, total: seen.append((step, done, total)))
    volumes = len(list(where.glob("*.nii")))
    assert seen.count(("looking", volumes, volumes)) == 2  # headers, and then the least values
    narrow = made.pixels[made.table["domain"] == "narrow"]
    assert (narrow[..., :4] == air).all()
    assert (narrow[..., -4:] == air).all()
    assert (narrow[..., 5:11] >= 20).all()
    assert made.value_range == (air, made.pixels.max())
    assert f"space around 2 volumes becomes {air}, the least value of each volume" in made.notes


def test_volumes_that_fill_their_cube_are_not_read_for_a_black(tmp_path, monkeypatch):
    monkeypatch.setattr("medshift.benchmark.datasets.importing.formats.nifti.reader.common_black", pytest.fail)
    where = two_fields(tmp_path / "in")
    assert add("set", where, Options(image_size=16, voxel_mm=1.0)).value_range is not None
