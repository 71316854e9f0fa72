"""Compressed DICOM gives the pixels of the uncompressed file, or one line that says what to install."""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from itertools import product

import numpy as np
import pydicom
import pytest
from helpers.images.dicom_files import compress, jpeg_lossless, transcode, tree, write
from PIL import Image
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.dicom import decoders
from medshift.benchmark.datasets.importing.formats.dicom.header import read_header
from medshift.benchmark.datasets.importing.formats.dicom.opening import open_dicom
from medshift.benchmark.datasets.importing.formats.dicom.pixels import read_values
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.importing.problems import UnsupportedFile

RNG = np.random.default_rng(0)
KINDS = {
    "8 bits": (RNG.integers(0, 256, (16, 20)).astype(np.uint8), 8),
    "12 bits": (RNG.integers(0, 4096, (16, 20)).astype(np.uint16), 12),
    "16 bits": (RNG.integers(0, 65536, (16, 20)).astype(np.uint16), 16),
    "signed": (RNG.integers(-2048, 2048, (16, 20)).astype(np.int16), 12),
    "colour": (RNG.integers(0, 256, (16, 20, 3)).astype(np.uint8), 8),
}
EXACT = (
    *("JPEGLosslessProcess14", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless"),
    *("DeflatedExplicitVRLittleEndian", "ExplicitVRBigEndian", "ImplicitVRLittleEndian"),
)


def values_of(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_values(open_dicom(path), read_header(path), Options(**options))


@pytest.mark.parametrize(
    ("syntax", "kind"),
    [pair for pair in product(EXACT, KINDS) if pair != ("JPEG2000Lossless", "colour")],  # GDCM does not encode it
)
def test_lossless_syntaxes_give_the_same_pixels(tmp_path, syntax, kind):
    values, bits = KINDS[kind]
    plain = write(tmp_path / "plain.dcm", values, 1, bits=bits)
    made = values_of(transcode(plain, tmp_path / "other.dcm", syntax))
    assert np.array_equal(made, np.moveaxis(values, -1, 0) if values.ndim == 3 else values[None])


@pytest.mark.parametrize("predictor", range(1, 8))
def test_every_predictor_of_lossless_jpeg_is_decoded(tmp_path, predictor):
    for bits, high in ((8, 256), (12, 4096), (16, 65536)):
        values = (
            np.random.default_rng(predictor).integers(0, high, (9, 11)).astype(np.uint8 if bits == 8 else np.uint16)
        )
        plain = write(tmp_path / "plain.dcm", values, 1, bits=bits)
        made = values_of(compress(plain, tmp_path / "other.dcm", jpeg_lossless(values, bits, predictor)))
        assert np.array_equal(made[0], values)


def test_near_lossless_and_lossy_pixels_are_near(tmp_path):
    ramp = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8) * 3
    plain = write(tmp_path / "plain.dcm", ramp, 1)
    for syntax, most in (("JPEGLSNearLossless", 3), ("JPEG2000", 3), ("JPEGBaselineProcess1", 3)):
        made = values_of(transcode(plain, tmp_path / f"{syntax}.dcm", syntax))
        assert np.abs(made[0] - ramp).max() <= most


def example(name):
    return pydicom.data.get_testdata_file(name)


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", "YBR_FULL"),
        ("SC_rgb_dcmtk_+eb+cy+np.dcm", "YBR_FULL_422"),
        ("SC_ybr_full_422_uncompressed.dcm", "YBR_FULL_422"),
        ("SC_rgb_rle.dcm", "RGB"),
        ("SC_rgb_jpeg_gdcm.dcm", "RGB"),
        ("SC_rgb_gdcm_KY.dcm", "RGB"),
    ],
)
def test_colour_bars_come_out_as_red_green_and_blue(name, like):
    """The same bars in each of pydicom's files: red, green, blue, ... from top to bottom."""
    path = example(name)
    assert pydicom.dcmread(path).PhotometricInterpretation == like
    made = values_of(path)[:, [5, 25, 45], 50].T
    assert np.abs(made - [(255, 0, 0), (0, 255, 0), (0, 0, 255)]).max() <= 6


RED = (200, 40, 40)


def red_jpeg(adobe, *, jfif):
    """Encode RED as YCbCr, or as RGB if Adobe's marker says 0; None for no marker."""
    made = BytesIO()
    picture = Image.new("RGB", (16, 16), RED)
    if adobe == 0:
        picture = Image.merge("YCbCr", picture.split())  # which Pillow does not convert
    picture.save(made, "JPEG", quality=95)
    code = made.getvalue()
    (length,) = struct.unpack(">H", code[4:6])
    marker = b"" if adobe is None else b"\xff\xee" + struct.pack(">H5sHHHB", 14, b"Adobe", 100, 0, 0, adobe)
    return code[:2] + (code[2 : 4 + length] if jfif else b"") + marker + code[4 + length :]


@pytest.mark.parametrize("like", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize(("adobe", "jfif"), [(None, True), (1, False), (1, True), (0, False)])
def test_colours_of_jpeg_are_converted_once_whichever_marker_names_them(tmp_path, like, adobe, jfif):
    plain = write(tmp_path / "plain.dcm", np.full((16, 16, 3), RED, np.uint8), 1, PhotometricInterpretation=like)
    path = compress(plain, tmp_path / "x.dcm", red_jpeg(adobe, jfif=jfif), JPEGBaseline8Bit)
    assert np.abs(values_of(path) - np.reshape(RED, (3, 1, 1))).max() <= 3


@pytest.mark.parametrize("extended", [False, True])
def test_each_frame_of_jpeg_is_asked_for_its_own_marker(tmp_path, extended):
    plain = write(tmp_path / "plain.dcm", np.zeros((16, 16, 3), np.uint8), 1, PhotometricInterpretation="YBR_FULL_422")
    read = open_dicom(compress(plain, tmp_path / "x.dcm", b"\xff\xd8", JPEGBaseline8Bit))
    codes = [red_jpeg(adobe, jfif=adobe is None) for adobe in (None, 1)]
    read.NumberOfFrames = 2
    if extended:
        read.PixelData, read.ExtendedOffsetTable, read.ExtendedOffsetTableLengths = encapsulate_extended(codes)
    else:
        read.PixelData = encapsulate(codes)
    assert all(np.abs(decoders.decode(read, frame) - np.array(RED)).max() <= 3 for frame in (0, 1))


@pytest.mark.parametrize(("like", "lossy", "most"), [("YBR_RCT", False, 0), ("YBR_ICT", True, 2)])
def test_colour_of_jpeg_2000_is_converted_back(tmp_path, like, lossy, most):
    values, _ = KINDS["colour"]
    made = BytesIO()
    Image.fromarray(values).save(made, format="JPEG2000", irreversible=lossy, no_jp2=True)
    plain = write(tmp_path / "plain.dcm", values, 1, PhotometricInterpretation=like)
    path = compress(plain, tmp_path / "x.dcm", made.getvalue(), JPEG2000 if lossy else JPEG2000Lossless)
    assert np.abs(values_of(path) - np.moveaxis(values, -1, 0)).max() <= most


def test_planes_and_pixels_of_colour_are_told_apart(tmp_path):
    values, _ = KINDS["colour"]
    path = write(tmp_path / "x.dcm", values, 1)
    read = pydicom.dcmread(path)
    read.PixelData, read.PlanarConfiguration = np.ascontiguousarray(np.moveaxis(values, -1, 0)).tobytes(), 1
    read.save_as(path)
    assert np.array_equal(values_of(path), np.moveaxis(values, -1, 0))


def test_lossy_jpeg_is_decoded_by_pillow_whatever_else_is_installed(monkeypatch, tmp_path):
    asked = []

    def pixel_array(read, index, decoding_plugin="", raw=False):
        asked.append(decoding_plugin)
        return np.zeros((2, 2))

    monkeypatch.setattr("pydicom.pixels.utils.pixel_array", pixel_array)
    plain = write(tmp_path / "plain.dcm", KINDS["8 bits"][0], 1)
    decoders.decode(open_dicom(compress(plain, tmp_path / "x.dcm", b"\xff\xd8\xff\xd9", JPEGBaseline8Bit)))
    assert asked == ["pillow"]


@pytest.mark.usefixtures("home")
def test_what_to_install_is_said_from_headers_alone(tmp_path, monkeypatch):
    where, _ = tree(tmp_path / "plain")
    for path in where.rglob("*.dcm"):
        transcode(path, path, "JPEGLosslessProcess14_1")
    monkeypatch.setattr("pydicom.pixels.decoders.gdcm.HAVE_GDCM", False)

    class Bare:
        is_available = False
        available_plugins = ()

    monkeypatch.setattr("pydicom.pixels.decoders.base.get_decoder", lambda syntax: Bare)
    monkeypatch.setattr(decoders, "decode", lambda *args: pytest.fail("pixels were read"))
    with pytest.raises(
        UnsupportedFile, match=r"^JPEG Lossless, which needs a decoder: pip install 'medshift\[dicom\]'"
    ):
        read_header(path)  # in this process, for the patches


def test_other_decoders_are_named_where_the_extra_has_none(tmp_path):
    with pytest.raises(Exception, match=r"^12-bit JPEG Extended, which needs a decoder: pip install pylibjpeg"):
        read_header(example("JPGExtended.dcm"))
    plain = write(tmp_path / "plain.dcm", KINDS["8 bits"][0], 1)
    video = compress(plain, tmp_path / "video.dcm", b"\0\0\1\xba", "1.2.840.10008.1.2.4.102")
    with pytest.raises(Exception, match=r"^its pixels are MPEG-4 .*, which cannot be read: convert it first"):
        read_header(video)


@pytest.mark.usefixtures("home")
def test_a_set_of_many_syntaxes_is_one_set(tmp_path):
    where, ramp = tree(tmp_path / "in")
    for number, path in enumerate(sorted(where.rglob("*.dcm"))):
        transcode(path, path, EXACT[number % len(EXACT)])
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert made.value_range == (0, 4095)
    assert (made.pixels[:, 0] == ramp).all()
