"""Compressed DICOM: transcoded by GDCM, or JPEG Lossless of any predictor, encoded here."""

from __future__ import annotations

import struct
from pathlib import Path

import gdcm
import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLossless

DIGITS = 5  # bits of every code of a length category: 17 of 32 are used, none is all ones


def transcode(source: Path, target: Path, syntax: str) -> Path:
    """Write a file in another transfer syntax, one of `gdcm.TransferSyntax`."""
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
