"""What a pixel's value means: depth that is not the container's, sites that differ, outliers, padding, inversions."""

from __future__ import annotations

import shlex

import nibabel
import numpy as np
import pytest
from helpers.images.dicom_files import write as write_dicom
from helpers.images.picture_files import listed, png
from PIL import Image

from medshift.benchmark.audit.value_use import value_use
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.benchmark.datasets.value_limits import LITTLE
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")

EIGHT = np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype(np.uint8)
EIGHT[:, 0, 0], EIGHT[:, 0, 1] = 0, 255
TWELVE = EIGHT.astype(np.uint16) * 16 + np.uint16(15) * (EIGHT == 255)  # 0 to 4095


def float_tiff(path, values):
    Image.fromarray(values.astype(np.float32)).save(path)


def nifti(path, values):
    nibabel.Nifti1Image(np.repeat(values.astype(np.float32)[..., None], 8, axis=2), np.eye(4)).to_filename(path)


def signed_dicom(path, values):
    write_dicom(path, values.astype(np.int16), int(path.stem))


def about_values(notes) -> list[str]:
    """Return the notes on values."""
    return [note for note in notes if "--value-range" in note or "constant" in note]


def twelve_in_sixteen():
    return (
        TWELVE,
        "the greatest of all values is 4,095: 12 bits in 16? --value-range 0,4095 (values use 6 % of the scale)",
    )


def with_one_bright_pixel():
    images = TWELVE.copy()
    images[3, 2, 2] = 65535
    return images, (
        "all but 1 of 20 images stay below 4,096 (003.png reaches 65,535): 12 bits in 16? --value-range 0,4095 "
        "(values use 6 % of the scale)"
    )


def with_an_offset():
    return TWELVE + np.uint16(
        32768
    ), "values lie between 32,768 and 36,863, 6 % of the scale: --value-range 32768,36863"


def masks():
    return (
        EIGHT // 128,
        "the greatest of all values is 1: 1 bits in 8? --value-range 0,1 (values use less than 1 % of the scale)",
    )


@pytest.mark.parametrize("make", [twelve_in_sixteen, with_one_bright_pixel, with_an_offset, masks])
def test_a_set_that_uses_little_of_its_scale_is_told(tmp_path, make):
    images, note = make()
    assert about_values(add("set", listed(tmp_path / "in", images), Options()).notes) == [note]


def test_eight_bits_of_a_dark_set_say_so_too(tmp_path):
    (first, second) = about_values(read_manifest(listed(tmp_path / "black", EIGHT.astype(np.uint16))).notes)
    assert first.startswith("20 images are constant")
    assert second.startswith("the greatest of all values is below 256: 8 bits in 16? --value-range 0,255")
    notes = read_manifest(listed(tmp_path / "in", TWELVE)).notes
    what = (
        "the greatest of all values is below 4,096: 12 bits in 16? --value-range 0,4095 (values use 6 % of the scale)"
    )
    assert about_values(notes) == [what]


def quarters(most):
    """Return images of 16 bits whose values span 0 to most."""
    return np.rint(EIGHT * (most / 255)).astype(np.uint16)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (quarters(18000), True),  # more than 14 bits
        (quarters(15000) + np.uint16(10000), True),  # an offset below a quarter of the scale
        (quarters(24000), False),
    ],
)
def test_what_is_serious_to_the_audit_is_told_when_data_are_added(tmp_path, images, told):
    made = add("set", listed(tmp_path / "in", images), Options())
    assert (value_use(made).share < LITTLE) == told
    assert [note.startswith("values lie between") for note in about_values(made.notes)] == [True] * told


def test_a_set_that_uses_its_scale_says_nothing(tmp_path):
    for dtype in (np.uint8, np.uint16):
        where = listed(tmp_path / np.dtype(dtype).name, EIGHT.astype(dtype) * dtype(np.iinfo(dtype).max // 255))
        assert about_values(add(np.dtype(dtype).name, where, Options()).notes) == []
        assert about_values(read_manifest(where).notes) == []


def test_sites_that_differ_in_depth_are_told_and_taken_alike(tmp_path):
    images = [image if index % 2 else image * np.uint16(257) for index, image in enumerate(EIGHT)]
    images = [TWELVE[index] if index % 2 else image for index, image in enumerate(images)]
    sites = ("St. Ann, x:y", "B")
    where = listed(tmp_path / "in", images, domains=sites)
    told = "greatest value: B 4,095, St. Ann, x:y 65,535: do the sites differ in depth? "
    options = "--value-range B:0,4095"
    assert about_values(add("set", where, Options()).notes) == [told + options]
    for ranges in (("B:0,4095",), ("B:0,4095", "St. Ann, x:y:0,65535"), ("0,65535", "B:0,4095")):
        made = read_manifest(where, value_ranges=ranges)
        assert np.abs(made.pixels[:, 0].astype(int) - EIGHT).max() <= 1  # 12 bits here are 16 times 8
        assert np.array_equal(made.pixels[::2, 0], EIGHT[::2])
    scaled = add("scaled", where, Options(value_ranges=("B:0,4095",)))
    assert scaled.value_range is None
    assert np.array_equal(scaled.pixels[1::2, 0], np.rint(TWELVE[1::2] * (65535 / 4095)))


def test_a_range_for_one_site_leaves_the_notes_on_the_others(tmp_path):
    where = listed(tmp_path / "in", [TWELVE[n] >> 2 * (n % 3 == 1) for n in range(20)], domains=("A", "B", "C"))
    sites = "greatest value: B 1,023, A 4,095, C 4,095: do the sites differ in depth? --value-range B:0,1023 "
    both = "--value-range A:0,4095 --value-range C:0,4095"
    assert about_values(add("plain", where, Options()).notes) == [sites + both]
    echo = "values from black to white (--value-range): B: 0 to 1,023"
    left = f"the greatest of all values is 4,095: 12 bits in 16? {both} (values use 6 % of the scale)"
    for notes in (
        add("set", where, Options(value_ranges=("B:0,1023",))).notes,
        read_manifest(where, value_ranges=("B:0,1023",)).notes,
    ):
        assert sorted(about_values(notes)) == sorted([echo, left])
    ranges = ("B:0,1023", "A:0,4095", "C:0,4095")
    assert not any("bits in" in note for note in add("all", where, Options(value_ranges=ranges)).notes)
    assert not any("bits in" in note for note in add("one", where, Options(value_ranges=("0,4095",))).notes)


def test_sites_left_without_a_range_are_told_in_the_values_of_their_files(tmp_path):
    def write(path, values):
        dark = values // 64 if int(path.stem) % 2 else values.astype(np.uint16) * 16
        Image.fromarray(dark).save(path)

    where = listed(tmp_path / "in", EIGHT, write, domains=("a", "b"))  # a has 12 bits in 16, b has 2 in 8
    notes = add("set", where, Options(value_ranges=("a:0,4095",))).notes
    assert any(note.startswith("the greatest of all values is 3: 2 bits in 8? --value-range b:0,3 (") for note in notes)


@pytest.mark.parametrize("channels", [1, 3])
def test_sites_that_differ_in_the_type_of_their_files_are_taken_with_a_range_each(tmp_path, channels):
    def write(path, values):
        values = np.stack([values] * channels, axis=-1)
        if int(path.stem) % 2:
            values = values.astype(np.uint16) * 16
        if values.dtype == np.uint16 and channels == 3:
            png(path, values)
        else:
            Image.fromarray(values.squeeze()).save(path)

    where = listed(tmp_path / "in", EIGHT, write, domains=("a", "b"))
    with pytest.raises(MedshiftError, match=r"values are uint.*--value-range DOMAIN:LOW,HIGH scales domains that"):
        add("set", where, Options())
    made = add("set", where, Options(value_ranges=("b:0,4080",)))
    assert made.pixels.dtype == np.uint16
    assert (made.pixels == EIGHT[:, None] * np.uint16(257)).all()
    assert (read_manifest(where, value_ranges=("b:0,4080",)).pixels == EIGHT[:, None]).all()


def test_one_range_becomes_that_of_the_data_set_and_clips(tmp_path):
    images, _ = with_one_bright_pixel()
    made = add("set", listed(tmp_path / "in", images), Options(value_ranges=("0,4095",)))
    assert made.value_range == (0, 4095)
    assert np.array_equal(made.pixels[:, 0], np.minimum(images, 4095))
    assert about_values(made.notes) == [
        "values from black to white (--value-range): 0 to 4,095",
        "1 value in 1 image lay outside of --value-range: clipped",
    ]
    assert add("all", listed(tmp_path / "all", images), Options(value_ranges=("0,65535",))).value_range is None


def test_an_outlier_is_clipped_before_it_is_smeared_by_resizing(tmp_path):
    images = np.full((4, 32, 32), 1000, dtype=np.uint16)
    images[:, 16, 16] = 65535
    images[:, 0, 0] = 0
    made = add("set", listed(tmp_path / "in", images), Options(value_ranges=("0,2000",), image_size=8))
    assert made.pixels[:, 0, 4, 4].max() < 1100


@pytest.mark.parametrize(("write", "ending"), [(float_tiff, "tif"), (nifti, "nii.gz"), (signed_dicom, "dcm")])
def test_one_image_that_holds_most_of_the_range_of_floats_is_told(tmp_path, write, ending):
    images = EIGHT * 2.0
    images[4, 3:5, 3:5] = 30000
    where = listed(tmp_path / "in", images, write, ending)
    options = {"voxel_mm": 1.0, "image_size": 8} if ending == "nii.gz" else {}
    (note,) = about_values(add("set", where, Options(**options)).notes)
    share = "30,000, all others 510 at most, and holds 98 % of the range: --value-range 0,510"
    assert note == f"004.{ending} alone reaches {share}"
    fixed = add("fixed", where, Options(value_ranges=("0,510",), **options))
    assert fixed.value_range == (0, 510)
    assert fixed.pixels.max() == 510
    assert not any("alone" in note for note in fixed.notes)


@pytest.mark.parametrize(("write", "ending"), [(float_tiff, "tif"), (nifti, "nii.gz"), (signed_dicom, "dcm")])
def test_floats_are_read_in_eight_bits_with_a_range(tmp_path, write, ending):
    where = listed(tmp_path / "in", EIGHT * 2.0, write, ending)
    options = {"voxel_mm": 1.0, "image_size": 8} if ending == "nii.gz" else {}
    with pytest.raises(MedshiftError, match=r"values are float32.*--value-range"):
        read_manifest(where, **options)
    made = read_manifest(where, value_ranges=("0,510",), **options)
    assert made.pixels.dtype == np.uint8
    if ending != "nii.gz":
        assert np.array_equal(made.pixels[:, 0], EIGHT)
    else:
        assert np.array_equal(made.pixels[:, 0, 0], np.swapaxes(EIGHT, 1, 2)[:, ::-1])
    if ending == "dcm":  # the range by domain scales to 0 and 1
        assert add("set", where, Options(value_ranges=("a:0,510",))).value_range == (0, 1)


def test_floats_of_a_site_without_a_range_are_refused(tmp_path):
    where = listed(tmp_path / "in", EIGHT, float_tiff, "tif", domains=("a", "b"))
    with pytest.raises(MedshiftError, match="give one for 'b', too: floats have no scale of their own"):
        add("set", where, Options(value_ranges=("a:0,1",)))


def test_a_site_of_integers_needs_no_range_beside_one_of_floats(tmp_path):
    def write(path, values):
        Image.fromarray(values / np.float32(4) if int(path.stem) % 2 else values).save(path)

    where = listed(tmp_path / "in", EIGHT, write, "tif", domains=("a", "b"))
    assert (read_manifest(where, value_ranges=("b:0,63.75",)).pixels[:, 0] == EIGHT).all()
    made = add("set", where, Options(value_ranges=("b:0,63.75",)))
    assert made.value_range == (0, 1)
    assert np.allclose(made.pixels[:, 0], EIGHT / 255)
    with pytest.raises(MedshiftError, match="give one for 'b', too: floats"):
        add("other", where, Options(value_ranges=("a:0,255",)))


def test_a_site_of_unsigned_dicom_needs_no_range_beside_one_of_rescaled_values(tmp_path):
    def write(path, values):
        more = {"RescaleSlope": 2, "RescaleIntercept": -100} if int(path.stem) % 2 else {}
        write_dicom(path, values, int(path.stem), **more)

    where = listed(tmp_path / "in", EIGHT, write, "dcm", domains=("a", "b"))
    assert (read_manifest(where, value_ranges=("b:-100,410",)).pixels[:, 0] == EIGHT).all()


def test_sites_in_other_units_are_told(tmp_path):
    images = [image / 255 if index % 2 else image for index, image in enumerate(EIGHT)]
    notes = add("set", listed(tmp_path / "in", images, float_tiff, "tif", domains=("a", "b")), Options()).notes
    told = "greatest value: b 1, a 255: do the sites differ in units? --value-range DOMAIN:LOW,HIGH for each"
    assert told in notes


def test_padding_that_nothing_declares_is_told(tmp_path):
    images = np.random.default_rng(0).normal(-200, 200, (20, 32, 32)).clip(-1000, 1500)
    padded = images.copy()
    padded[:, :, :6] = -2000
    (note,) = about_values(add("padded", listed(tmp_path / "padded", padded, signed_dicom, "dcm"), Options()).notes)
    assert note.startswith("-2,000 is the least value of 20 images and far below all others (-")
    assert note.endswith("padding? --value-range LOW,HIGH or --window")
    assert about_values(add("set", listed(tmp_path / "in", images, signed_dicom, "dcm"), Options()).notes) == []


def test_pictures_of_one_value_are_counted_and_named(tmp_path):
    images = EIGHT.copy()
    images[:4] = np.arange(4)[:, None, None] * 60
    notes = add("set", listed(tmp_path / "in", images), Options()).notes
    told = "4 images are constant, all pixels of each the same: 000.png, 001.png, 002.png, ..."
    assert about_values(notes) == [told]


def test_a_window_says_what_is_black_itself(tmp_path):
    where = listed(tmp_path / "in", EIGHT, signed_dicom, "dcm")
    assert about_values(add("set", where, Options(window="10000,30000")).notes) == []


def test_the_option_for_a_site_can_be_pasted(tmp_path):
    where = listed(tmp_path / "in", [TWELVE[n] >> 2 * (n % 2) for n in range(20)], domains=("B", "St. Ann, x:y"))
    (note,) = about_values(add("set", where, Options()).notes)
    assert note.endswith("--value-range 'St. Ann, x:y:0,1023' --value-range B:0,4095")
    ranges = tuple(shlex.split(note.partition("? ")[2])[1::2])
    assert np.abs(read_manifest(where, value_ranges=ranges).pixels[:, 0].astype(int) - EIGHT).max() <= 1
