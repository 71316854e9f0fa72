"""DICOM files made with pydicom; compressed by GDCM, or in JPEG Lossless of any predictor, encoded here."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLossless

DIGITS = 5  # bits of every code of a length category: 17 of 32 are used, none is all ones


def write(path: Path, values: np.ndarray | None, number: int, **tags: Any) -> Path:
    """Write an image of unsigned integers, or none if `values` is None, with further tags."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.10.999.{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID = CTImageStorage
    made.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID = "1.2.3"
    made.PatientID = f"MRN{number // 2:05d}"
    made.PatientName = f"Smith^{number // 2}"
    made.Modality = "DX"
    made.Manufacturer = "ACME"
    if values is not None:
        bits = tags.pop("bits", 8 * values.dtype.itemsize)
        made.Rows, made.Columns = values.shape[:2]
        made.SamplesPerPixel = 1 if values.ndim == 2 else 3
        made.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
        if values.ndim == 3:
            made.PlanarConfiguration = 0
        made.BitsAllocated, made.BitsStored, made.HighBit = 8 * values.dtype.itemsize, bits, bits - 1
        made.PixelRepresentation = int(values.dtype.kind == "i")
        made.PixelData = values.tobytes()
    for name, value in tags.items():
        setattr(made, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def tree(where: Path, count: int = 8, **tags: Any) -> tuple[Path, np.ndarray]:
    """Write class/file.dcm: a ramp of 16 bits of which 12 are used."""
    ramp = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)
    for number in range(count):
        label = ("no", "yes")[number // 2 % 2]
        maker = ("SIEMENS", "GE")[number // 4 % 2]
        write(where / label / f"{number}.dcm", ramp, number, **{"bits": 12, "Manufacturer": maker, **tags})
    return where, ramp


def transcode(source: Path, target: Path, syntax: str) -> Path:
    """Write a file in another transfer syntax, one of `gdcm.TransferSyntax`."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target


def jpeg_lossless(values: np.ndarray, bits: int, predictor: int) -> bytes:
    """Encode (H, W) in lossless JPEG (process 14) with one of the seven predictors of ITU-T T.81, table H.1."""
    height, width = values.shape
    x = values.astype(np.int64)
    left, above = np.roll(x, 1, axis=1), np.roll(x, 1, axis=0)
    corner = np.roll(above, 1, axis=1)
    guess = {
        1: left,
        2: above,
        3: corner,
        4: left + above - corner,
        5: left + ((above - corner) >> 1),
        6: above + ((left - corner) >> 1),
        7: (left + above) >> 1,
    }[predictor].copy()
    guess[0], guess[1:, 0] = left[0], above[1:, 0]  # the first row and column have no other neighbours
    guess[0, 0] = 1 << (bits - 1)
    text = ""
    for difference in ((x - guess + 32768) % 65536 - 32768).ravel().tolist():
        size = abs(difference).bit_length()
        text += f"{size:0{DIGITS}b}"
        if 0 < size < 16:
            text += f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"
    text += "1" * (-len(text) % 8)
    scan = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = struct.pack(">BHHBBBB", bits, height, width, 1, 1, 0x11, 0)
    table = bytes([0, *[17 if length == DIGITS else 0 for length in range(1, 17)], *range(17)])
    start = struct.pack(">BBBBBB", 1, 1, 0, predictor, 0, 0)
    parts = [(b"\xff\xc3", frame), (b"\xff\xc4", table), (b"\xff\xda", start)]
    return (
        b"\xff\xd8"
        + b"".join(mark + struct.pack(">H", len(part) + 2) + part for mark, part in parts)
        + scan
        + b"\xff\xd9"
    )


def compress(source: Path, target: Path, code: bytes, syntax: str = JPEGLossless) -> Path:
    """Write a file with other, encoded pixels."""
    read = pydicom.dcmread(source)
    read.PixelData = encapsulate([code])
    read["PixelData"].is_undefined_length = True
    read.file_meta.TransferSyntaxUID = syntax
    read.save_as(target)
    return target
