"""DICOM files made with pydicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian


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
