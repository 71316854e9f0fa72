"""Where the values of DICOM lie in their words: above unused bits, or below them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
import pytest
from helpers.images.dicom_files import compress, jpeg_lossless, write
from PIL import Image
from pydicom.uid import JPEG2000Lossless, RLELossless

from medshift.benchmark.datasets.importing.formats.dicom.header import read_header
from medshift.benchmark.datasets.importing.formats.dicom.opening import open_dicom
from medshift.benchmark.datasets.importing.formats.dicom.pixels import read_values
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.importing.problems import UnsupportedFile

RAMP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)


def values_of(path):
    return read_values(open_dicom(path), read_header(path), Options())[0]


def test_overlays_in_unused_high_bits_are_left_out(tmp_path):
    stored = RAMP | (np.eye(16, dtype=np.uint16) << 15) | (1 << 12)
    assert np.array_equal(values_of(write(tmp_path / "x", stored, 1, bits=12)), RAMP)
    signed = RAMP.astype(np.int16) - 2048
    stored = (signed & 0x0FFF) | (np.eye(16, dtype=np.int16) << 13)
    assert np.array_equal(values_of(write(tmp_path / "y", stored, 1, bits=12)), signed)


def test_values_in_the_upper_bits_are_shifted_down(tmp_path):
    path = write(tmp_path / "x", RAMP << 4 | 0xF, 1, bits=12, HighBit=15)
    assert np.array_equal(values_of(path), RAMP)
    signed = RAMP.astype(np.int16) - 2048
    assert np.array_equal(values_of(write(tmp_path / "y", signed << 4, 1, bits=12, HighBit=15)), signed)


def test_values_in_the_lower_bits_stay_where_the_header_alone_is_wrong(tmp_path):
    assert np.array_equal(values_of(write(tmp_path / "x", RAMP, 1, bits=12, HighBit=15)), RAMP)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("codec", ["RLE", "JPEG 2000", "JPEG 2000 that has shifted them"])
def test_values_in_the_upper_bits_of_compressed_files_are_shifted_down_too(tmp_path, codec, signed):
    values = RAMP.astype(np.int16) - 2048 if signed else RAMP
    upper = values << 4
    path = write(tmp_path / "x", upper, 1, bits=12, HighBit=15)
    if codec == "RLE":
        read = pydicom.dcmread(path)
        read.compress(RLELossless)
        read.save_as(path)
    else:
        stored = (upper if codec == "JPEG 2000" else values & 0xFFF).view(np.uint16)
        made = BytesIO()
        Image.fromarray(stored).save(made, "JPEG2000", no_jp2=True)
        compress(path, path, made.getvalue(), JPEG2000Lossless)
    assert np.array_equal(values_of(path), values)


def test_compressed_files_are_refused_where_decoders_disagree_on_the_bits(tmp_path):
    plain = write(tmp_path / "x", RAMP << 4, 1, bits=12, HighBit=15)
    path = compress(plain, tmp_path / "y", jpeg_lossless(RAMP << 4, 16, 1))
    with pytest.raises(UnsupportedFile, match=r"stores 12 bits up to bit 15 in JPEG Lossless: .*save it uncompressed"):
        values_of(path)
