"""Where the values of DICOM lie in their words: above unused bits, or below them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
import pytest
from helpers.images.dicom_files import compress, jpeg_lossless, transcode, write
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


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("signed", [False, True])
def test_compressed_files_are_read_where_the_header_alone_is_wrong(tmp_path, bits, signed):
    values = RAMP >> (12 - bits)
    plain = write(tmp_path / "x", values.astype(np.int16) if signed else values, 1, bits=bits, HighBit=bits - 1)
    right = compress(plain, tmp_path / "right", jpeg_lossless(values, bits, 1))
    expected = values_of(right)
    read = pydicom.dcmread(right)
    read.HighBit = 15
    read.save_as(tmp_path / "wrong")
    assert np.array_equal(values_of(tmp_path / "wrong"), expected)
    if not signed:
        assert np.array_equal(expected, values)


@pytest.mark.parametrize("syntax", ["JPEGLSLossless", "JPEGLosslessProcess14_1"])
def test_the_precision_is_read_from_the_frame_of_each_codec(tmp_path, syntax):
    values = (RAMP >> 4).astype(np.uint8)
    path = transcode(write(tmp_path / "x", values, 1), tmp_path / "y", syntax)
    read = pydicom.dcmread(path)
    read.HighBit = 15
    read.save_as(path)
    assert np.array_equal(values_of(path), values)


def test_a_compressed_file_without_a_frame_header_is_refused(tmp_path):
    path = compress(write(tmp_path / "x", RAMP, 1, bits=12, HighBit=15), tmp_path / "y", b"\xff\xd8\xff\xff\xd9\0\2")
    with pytest.raises(UnsupportedFile, match="save it uncompressed"):
        values_of(path)
