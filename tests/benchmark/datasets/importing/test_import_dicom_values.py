"""Values of DICOM: rescaled, windowed, inverted, padded, compressed, and in colour."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from helpers.images.dicom_files import tree, write

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.windowing import window
from medshift.benchmark.datasets.importing.options import Options
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def test_monochrome1_is_turned_to_white_for_much(tmp_path):
    where, ramp = tree(tmp_path / "in", PhotometricInterpretation="MONOCHROME1")
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert (made.pixels[:, 0] == 4095 - ramp).all()


def test_rescaled_values_are_physical(tmp_path):
    where, ramp = tree(tmp_path / "in", RescaleSlope="2", RescaleIntercept="-1000", Manufacturer="SIEMENS")
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert made.pixels.dtype == np.float32
    assert (made.pixels[:, 0] == ramp * 2.0 - 1000).all()
    assert made.value_range == (-1000, 4080 * 2 - 1000)
    # a window: what lies outside is black or white, the middle is its centre
    cut = add("cut", where, Options(domain_from="Manufacturer", window="1000,2000")).pixels[0, 0]
    expected = np.clip((ramp * 2.0 - 1000) / 2000, 0, 1)
    assert np.abs(cut / 65535 - expected).max() < 1e-5


def test_values_are_rescaled_with_all_digits_of_their_tags(tmp_path):
    where, ramp = tree(tmp_path / "in", RescaleSlope="0.12345678", RescaleIntercept="-1000.12345")
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert np.abs(made.pixels[0, 0] - (ramp * 0.12345678 - 1000.12345)).max() < 1e-4


def test_signed_and_turned_about(tmp_path):
    values = (np.arange(256) - 100).astype(np.int16).reshape(16, 16)
    for number in range(8):
        label = ("no", "yes")[number % 2]
        more = {"PhotometricInterpretation": "MONOCHROME1"} if number > 3 else {}
        write(tmp_path / "in" / label / f"{number}.dcm", values, number, bits=12, RescaleIntercept="5", **more)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    pixels = {int(pixels.min()): pixels for pixels in made.pixels[:, 0]}
    assert set(pixels) == {-95, -1 - 155 + 5}
    assert (pixels[-95] == values + 5.0).all()
    assert (pixels[-151] == (-1 - values) + 5.0).all()  # -2048 + 2047 less the value


def test_windows_of_the_files_own(tmp_path):
    where, ramp = tree(tmp_path / "in", WindowCenter=["2048", "10"], WindowWidth=["1024", "5"])
    made = add("set", where, Options(domain_from="Manufacturer", window="file"))
    assert np.abs(made.pixels[0, 0] / 65535 - window(ramp, 2048, 1024)).max() < 1e-5
    write(where / "no" / "9.dcm", ramp, 9, bits=12)
    with pytest.raises(MedshiftError, match=r"1 problem:\n  no/9.dcm: has no window of its own"):
        add("other", where, Options(domain_from="Manufacturer", window="file"))


def test_windows_by_hand():
    # DICOM PS3.3 C.11.2.1.2.1: width 100 about 50 maps 0 to black and 99 to white
    values = np.array([-1, 0, 49.5, 99, 200])
    assert np.allclose(window(values, 50, 100), [0, 0, 0.5, 1, 1])
    assert np.allclose(window(values, 50, 100, "LINEAR_EXACT"), [0, 0, 0.495, 0.99, 1])
    assert np.allclose(window(np.array([50, 1e4]), 50, 100, "SIGMOID"), [0.5, 1])
    assert np.allclose(window(np.array([49, 50]), 50, 1), [0, 1])


def test_full_scales_are_made_alike(tmp_path):
    for number, bits in enumerate((10, 12) * 4):
        values = np.full((16, 16), 2**bits - 1, dtype=np.uint16)
        values[0] = 0
        write(tmp_path / "in" / ("no", "yes")[number // 2 % 2] / f"{number}.dcm", values, number, bits=bits)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert set(np.unique(made.pixels)) == {0, 65535}
    assert any("10, 12 bits: each scaled to the full range" in note for note in made.notes)


def test_colour_and_compression(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)
    for number in range(4):
        path = write(tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm", values, number)
        if number > 1:
            read = pydicom.dcmread(path)
            read.compress(pydicom.uid.RLELossless)
            read.SOPInstanceUID = read.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
            read.save_as(path)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert made.pixels.shape == (4, 3, 16, 16)
    assert (np.moveaxis(made.pixels, 1, -1) == values).all()


def test_colour_becomes_grey_by_its_luma_and_not_by_its_mean(tmp_path):
    values = np.zeros((16, 16, 3), np.uint8)
    values[:, :8, 1] = 100
    values[:, 8:, 0] = 201
    for number in range(4):
        write(tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm", values, number)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer", channels=1))
    assert (made.pixels[:, 0, :, :8] == 59).all()  # 0.587 of it
    assert (made.pixels[:, 0, :, 8:] == 60).all()  # 0.299 of it, rounded and not cut off
    assert any("grey by ITU-R BT.601" in note for note in made.notes)


def test_luminance_and_chroma_are_read_as_red_green_and_blue(tmp_path):
    values = np.zeros((16, 16, 3), np.uint8)
    values[...] = (76, 85, 255)  # YCbCr of red
    for number in range(4):
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        write(path, values, number, PhotometricInterpretation="YBR_FULL")
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert np.abs(made.pixels[:, :, 3, 3].astype(int) - [254, 0, 0]).max() <= 1


PADDED = {
    "one value": {"PixelPaddingValue": 4095},
    "a range of values": {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4094},
}


@pytest.mark.parametrize("tags", PADDED.values(), ids=PADDED)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("window", ["none", "image", "1500,2000"])
def test_padding_is_dark_and_counts_for_no_range(tmp_path, tags, turned, window):
    values = np.tile(np.arange(1000, 2600, 100, dtype=np.uint16), (16, 1))
    values[:, :2] = 4095
    values[:, 2] = 4095 if len(tags) == 1 else 4094
    more = {"PhotometricInterpretation": "MONOCHROME1"} if turned else {}
    for number in range(4):
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        write(path, values, number, bits=12, **more, **tags)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer", window=window)).pixels[0, 0].astype(int)
    inside = made[:, 3:]
    assert (made[:, :3] == inside.min()).all()
    if window == "image":
        assert (inside.min(), inside.max()) == (0, 65535)
    elif window == "none":
        assert (inside == (4095 - values if turned else values)[:, 3:]).all()


def test_padding_of_signed_values_and_of_a_whole_image(tmp_path):
    values = np.tile(np.arange(-100, 60, 10, dtype=np.int16), (16, 1))
    values[:, :3] = -2000
    for number in range(4):
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        read = pydicom.dcmread(write(path, values, number))
        read.add_new("PixelPaddingValue", "US" if number % 2 else "SS", 65536 - 2000 if number % 2 else -2000)
        read.save_as(path)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert made.value_range == (-70, 50)
    assert any("PixelPaddingValue" in note for note in made.notes)
    write(tmp_path / "in" / "no" / "void.dcm", np.full((16, 16), 7, np.uint16), 9, PixelPaddingValue=7)
    with pytest.raises(MedshiftError, match=r"no/void\.dcm: every pixel is padding"):
        add("other", tmp_path / "in", Options(domain_from="Manufacturer"))
