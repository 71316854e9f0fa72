"""DICOM data sets without preamble or meta are found by their content, and other files are not taken for them."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pydicom
import pytest
from helpers.images.dicom_files import tree, write
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.dicom.headless import is_headless
from medshift.benchmark.datasets.importing.formats.sniff import sniff
from medshift.benchmark.datasets.importing.options import Options

SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


def bare(path, syntax=ImplicitVRLittleEndian):
    """Take the preamble and the meta from a file."""
    read = pydicom.dcmread(path)
    pixels = read.pixel_array
    del read.file_meta, read.preamble
    if syntax == ExplicitVRBigEndian:
        read.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
        read["PixelData"].VR = "OW"
    dcmwrite(path, read, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    return path


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_a_tree_of_bare_data_sets_gives_the_pixels_of_whole_files(tmp_path, syntax):
    where, ramp = tree(tmp_path / "in")
    for number, path in enumerate(sorted(where.rglob("*.dcm"))):
        bare(path, syntax).rename(path.with_suffix("") if number % 2 else path)  # some without an ending
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert (made.pixels[:, 0] == ramp).all()
    assert len(made.table) == 8
    assert made.value_range == (0, 4095)
    assert made.domains == ["GE", "SIEMENS"]


@pytest.mark.usefixtures("home")
def test_meta_without_preamble_and_meta_without_a_syntax(tmp_path):
    where, ramp = tree(tmp_path / "in")
    paths = sorted(where.rglob("*.dcm"))
    for path in paths[:4]:
        path.write_bytes(path.read_bytes()[132:])
    for path in paths[4:]:
        read = pydicom.dcmread(path)
        del read.file_meta.TransferSyntaxUID
        read.save_as(path, implicit_vr=False, little_endian=True)
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert (made.pixels[:, 0] == ramp).all()


def zipped():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.txt", "text")
    return made.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08\0",
        b"plain text, long enough to hold several elements if it were one" * 8,
        json.dumps({"00080005": {"vr": "CS", "Value": ["ISO_IR 100"]}}).encode() * 10,
        zipped(),
        b"\0" * 400,
        b"\xff" * 400,
        b"\x08\0" * 200,
        b"\x02\0\x10\0" * 100,
        np.arange(400, dtype="<u2").tobytes(),
        np.random.default_rng(0).bytes(400),
        b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + b"and then text that is none of it" * 8,
    ],
)
def test_other_files_are_not_taken_for_dicom(content):
    assert not is_headless(content[:352])


def test_compressed_pixels_without_a_syntax_are_refused(tmp_path):
    from medshift.benchmark.datasets.importing.formats.dicom.header import read_header

    path = write(tmp_path / "x", np.zeros((8, 8), np.uint8), 1)
    read = pydicom.dcmread(path)
    read.compress(pydicom.uid.RLELossless)
    del read.file_meta, read.preamble
    dcmwrite(path, read, implicit_vr=False, little_endian=True)
    assert sniff(path) == ("DICOM", "")
    with pytest.raises(Exception, match="its pixels are compressed, and it does not say how"):
        read_header(path)
