"""Sites whose files differ in depth: told only where it is clear, and never scaled by one range."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.images.dicom_files import write as write_dicom
from helpers.images.picture_files import listed
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")

RAMPS = np.random.default_rng(1).random((20, 8, 8))
RAMPS[:, 0, 0] = 1


def of_tops(*tops, dtype=np.uint16):
    """Return images whose greatest values are these, one site after another."""
    return [(image * tops[index % len(tops)]).astype(dtype) for index, image in enumerate(RAMPS)]


def told(notes):
    return [note for note in notes if "--value-range" in note]


@pytest.mark.parametrize(
    ("tops", "note"),
    [
        ((4000, 4200), "the greatest of all values is 4,200: 14 bits in 16? --value-range 0,16383 (values use 25 %"),
        ((1500, 4000), "the greatest of all values is 4,000: 12 bits in 16? --value-range 0,4095 (values use 6 %"),
        ((4000, 65535), "greatest value: A 4,000, B 65,535: do the sites differ in depth? --value-range A:0,4095"),
        ((900, 4000), "greatest value: A 900, B 4,000: do the sites differ in depth? --value-range A:0,1023 --value"),
    ],
)
def test_sites_differ_in_depth_only_where_their_greatest_values_differ_clearly(tmp_path, tops, note):
    where = listed(tmp_path / "in", of_tops(*tops), domains=("A", "B"))
    (found,) = told(add("set", where, Options()).notes)
    assert found.startswith(note)


def test_an_image_beyond_the_others_of_its_site_is_told_with_it(tmp_path):
    images = of_tops(4000, 65535)
    images[2][3, 3] = 60000
    (found,) = told(add("set", listed(tmp_path / "in", images, domains=("A", "B")), Options()).notes)
    assert found.startswith("greatest value: A 4,000 (1 image beyond), B 65,535: do the sites differ in depth?")


def save(path, values):
    Image.fromarray(values).save(path)


def mixed(where, top):
    """Write site A in 8 bits and site B in 16, of which it uses those below `top`."""
    images = [
        (image * (top if index % 2 else 255)).astype(np.uint16 if index % 2 else np.uint8)
        for index, image in enumerate(RAMPS)
    ]
    return listed(where, images, save, domains=("A", "B"))


def test_a_site_of_eight_bits_is_not_said_to_reach_the_values_of_sixteen(tmp_path):
    (found,) = told(read_manifest(mixed(tmp_path / "in", 4000)).notes)
    assert found == "greatest value: B below 4,096, A 255: do the sites differ in depth? --value-range B:0,4095"
    assert told(read_manifest(mixed(tmp_path / "full", 65535)).notes) == []


TWO_DEPTHS = r"A is of 8 bits, B of {0} bits: give --value-range A:0,255 --value-range B:0,{1}$"


def test_one_range_for_pictures_of_two_depths_is_refused(tmp_path):
    where = mixed(tmp_path / "in", 4095)
    with pytest.raises(MedshiftError, match=TWO_DEPTHS.format(16, 65535)):
        read_manifest(where, value_ranges=("0,4095",))
    made = read_manifest(where, value_ranges=("0,255", "B:0,4095"))  # a range that one site alone has is its own
    assert made.pixels[0].max() == made.pixels[1].max() == 255


def test_one_range_for_dicom_of_two_depths_is_refused_and_for_rescaled_values_is_not(tmp_path):
    def write(where, **tags):
        for number in range(8):
            values = RAMPS[number] * (4095 if number // 4 else 255)
            bits = 12 if number // 4 else 8
            path = where / ("no", "yes")[number // 2 % 2] / f"{number}.dcm"
            write_dicom(path, values.astype(np.uint16), number, bits=bits, Manufacturer="AB"[number // 4], **tags)
        return where

    options = Options(domain_from="Manufacturer", value_ranges=("0,4095",))
    with pytest.raises(MedshiftError, match=TWO_DEPTHS.format(12, 4095)):
        add("set", write(tmp_path / "stored"), options)
    made = add("other", write(tmp_path / "rescaled", RescaleSlope=1, RescaleIntercept=-9), options)
    assert made.value_range == (0, 4095)


@pytest.mark.parametrize(("most", "of_other"), [(4095, "0,4095"), (65535, "0,65535")])
def test_a_site_that_is_inverted_within_too_many_bits_gets_a_range_of_its_own(tmp_path, most, of_other):
    for number in range(8):
        turned = {"PhotometricInterpretation": "MONOCHROME1"} if number // 4 else {}
        values = 4095 - RAMPS[number] * 4095 if turned else RAMPS[number] * most
        path = tmp_path / "in" / ("no", "yes")[number // 2 % 2] / f"{number}.dcm"
        write_dicom(path, np.rint(values).astype(np.uint16), number, Manufacturer="AB"[number // 4], **turned)
    (found,) = told(add("set", tmp_path / "in", Options(domain_from="Manufacturer")).notes)
    ranges = ("B:61440,65535", f"A:{of_other}")
    options = " ".join(f"--value-range {text}" for text in ranges)
    assert found.endswith(f"B inverted (MONOCHROME1) within too many bits? {options}")
    made = add("other", tmp_path / "in", Options(domain_from="Manufacturer", value_ranges=ranges))
    domains = made.table["domain"].to_numpy()
    assert made.pixels[domains == "B"].max() == made.pixels[domains == "A"].max() == 65535
    assert made.pixels[domains == "B"].min() < 4096


def test_a_site_of_two_depths_is_told_the_way_on(tmp_path):
    images = [image.astype(np.uint8 if index % 2 else np.uint16) for index, image in enumerate(RAMPS)]
    where = listed(tmp_path / "in", images, save)
    for ranges in (("0,4095",), ("a:0,4095",)):  # of its own, too
        with pytest.raises(MedshiftError, match=r"a is of 8 and 16 bits: leave it out, or save the files of a in one"):
            read_manifest(where, value_ranges=ranges)


def test_a_site_whose_images_are_all_constant_is_named(tmp_path):
    images = [image if index % 2 else image * 0 for index, image in enumerate(of_tops(255, dtype=np.uint8))]
    notes = add("set", listed(tmp_path / "in", images, domains=("SIEMENS", "GE")), Options()).notes
    assert "ALL 10 IMAGES OF SIEMENS ARE CONSTANT: nothing can be seen in them" in notes
    assert not any("OF GE" in note for note in notes)
