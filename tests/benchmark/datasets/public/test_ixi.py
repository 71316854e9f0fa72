"""The reader of IXI against volumes and tables like its authors': places, people, ages."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from helpers.progress import nothing

from medshift.benchmark.datasets.public import get
from medshift.benchmark.datasets.public.sets import ixi

pytestmark = pytest.mark.usefixtures("home")


def heads(folder, excel=False):
    """IXI: oblique, anisotropic volumes with a bright ball in the left front of the head, and the table."""
    import nibabel

    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, site in enumerate(("Guys", "Guys", "HH", "HH", "IOP", "IOP"), start=2):
        zooms, angle = np.array([3.6, 2.8, 2.8]), 0.2
        turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
        axes = turn @ np.array([[0, -1, 0], [0, 0, 1], [-1, 0, 0]]) @ np.diag(zooms)  # stored as P, S, L
        shape = np.array([50, 66, 60])
        affine = np.eye(4)
        affine[:3, :3] = axes
        affine[:3, 3] = -axes @ (shape / 2)
        index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
        world = index @ axes.T + affine[:3, 3]
        data = np.zeros(shape, np.int16)
        data[np.linalg.norm(world, axis=-1) < 70] = 300 * number
        data[np.linalg.norm(world - [-30, 40, 10], axis=-1) < 30] = 900 * number
        name = f"IXI{number:03d}-{site}-0{number:03d}-T1.nii.gz"
        nibabel.Nifti1Image(data, affine).to_filename(folder / "IXI-T1" / name)
        rows.append((number, 1 + number % 2, 35.8 + 10 * (number % 3)))
    rows += [
        (3, 2, 35.8),
        (7, 2, 51.0),
        (900, 1, 20.0),
    ]  # a person with two equal rows, one with contradicting rows, an unknown one
    table = pd.DataFrame(rows, columns=["IXI_ID", ixi.SEX, "AGE"])
    table.insert(2, "HEIGHT", 170)
    if excel:
        import xlwt

        book = xlwt.Workbook()
        sheet = book.add_sheet("Table")
        for column, name in enumerate(table):
            sheet.write(0, column, name)
            for row, value in enumerate(table[name], start=1):
                sheet.write(row, column, float(value))
        book.save(folder / "IXI.xls")
    else:
        table.to_csv(folder / "IXI.csv", index=False)
    return folder


def test_ixi_volumes_lie_as_they_lay_in_the_scanner(tmp_path):
    (tmp_path / "raw/IXI-T1").mkdir(parents=True)
    dataset = get.get("ixi-sex", nothing, folder=heads(tmp_path / "raw"), image_size=32)
    table = dataset.table
    assert table["group"].tolist() == ["IXI002", "IXI003", "IXI004", "IXI005", "IXI006"]
    assert table["domain"].tolist() == ["guys-1.5t"] * 2 + ["hammersmith-3t"] * 2 + ["iop-1.5t"]
    assert [dataset.classes[label] for label in table["label"]] == ["male", "female"] * 2 + ["male"]
    assert dataset.pixels.shape == (5, 1, 32, 32, 32)
    assert any("1 volumes are left out" in note for note in dataset.notes)
    voxel = ixi.EXTENT / 32
    centre = (np.array([32] * 3) - 1) / 2
    for volume in dataset.pixels[:, 0]:
        assert volume.min() >= 0
        assert volume.max() == pytest.approx(1, abs=1e-3)
        weight = np.clip(volume - 0.6, 0, None)
        where = (np.stack(np.indices(volume.shape), -1) * weight[..., None]).sum((0, 1, 2)) / weight.sum()
        assert (where - centre) * voxel == pytest.approx([-30, 40, 10], abs=voxel)
        assert volume[16, 16, 16] == pytest.approx(1 / 3, abs=0.05)


def test_ixi_table_as_csv_goes_before_the_one_that_needs_a_package(tmp_path, monkeypatch):
    (tmp_path / "raw/IXI-T1").mkdir(parents=True)
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    heads(tmp_path / "raw")
    (tmp_path / "raw/IXI.xls").write_bytes(b"as fetched")
    assert ixi.people(tmp_path / "raw")["person"].tolist() == [2, 3, 4, 5, 6, 900]


def test_ixi_table_as_excel_and_ages(tmp_path):
    pytest.importorskip("python_calamine", reason="the extra ixi is not installed")
    pytest.importorskip("xlwt", reason="xlwt, which writes such a table, is not installed")
    (tmp_path / "raw/IXI-T1").mkdir(parents=True)
    people = ixi.people(heads(tmp_path / "raw", excel=True))
    assert people["person"].tolist() == [2, 3, 4, 5, 6, 900]
    assert people["age"].tolist() == ["50-and-over", "under-50", "under-50", "50-and-over", "under-50", "under-50"]
