"""Folders with a manifest, read into memory in 8 bits; see test_one_reader for what is refused."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tifffile
from helpers.images.image_folders import edit, folder
from PIL import Image

from medshift.benchmark.datasets import manifest
from medshift.benchmark.protocols.plan import Choices, plan
from medshift.shifts.errors import MedshiftError


@pytest.mark.parametrize(("channels", "side"), [(1, 24), (3, 40)])
def test_a_folder_becomes_a_data_set(tmp_path, channels, side):
    where = folder(tmp_path / "set", channels=channels, side=side)
    dataset = manifest.read_manifest(where)
    assert dataset.name == "set"
    assert dataset.pixels.shape == (128, channels, side, side)
    assert dataset.pixels.dtype == np.uint8
    assert dataset.classes == ("healthy", "sick")
    assert dataset.domains == ["site-a", "site-b", "site-c"]
    stored = np.asarray(Image.open(where / dataset.table["sample_id"][7]))
    assert np.array_equal(np.moveaxis(dataset.pixels[7], 0, -1).squeeze(), stored)


def test_classes_sizes_and_other_columns(tmp_path):
    where = folder(tmp_path / "set", names=("a", "b", "c"), side=200)
    dataset = manifest.read_manifest(where, classes=("c", "a"), image_size=50)
    assert dataset.classes == ("c", "a")
    assert dataset.name == "set-2-classes-50px"
    assert dataset.spatial == (50, 50)
    assert manifest.read_manifest(where).spatial == (96, 96)
    first = Image.open(where / dataset.table["sample_id"][0])
    assert abs(float(dataset.pixels[0].mean()) - np.asarray(first).mean()) < 1.5


def test_further_columns_are_kept_as_text_and_change_no_hash(tmp_path):
    where = folder(tmp_path / "set")
    path = where / "manifest.csv"
    head, *lines = path.read_text().splitlines()
    plain = manifest.read_manifest(where)
    path.write_text(
        "\n".join(
            [f"{head},group,age,row", *(f"{line},g,{'' if n == 3 else '07'},{n % 2}" for n, line in enumerate(lines))]
        )
    )
    dataset = manifest.read_manifest(where)
    assert dataset.table.columns.tolist() == [
        *("sample_id", "label", "domain", "group", "camera", "manifest_group", "age", "manifest_row"),
    ]
    assert dataset.table["group"].tolist() == plain.table["group"].tolist()
    assert set(dataset.table["camera"]) == {"x"}
    assert dataset.table["age"][[2, 3]].tolist() == ["07", ""]
    assert dataset.digest() == plain.digest()
    (terms, truth), (same_terms, same_truth) = plan(plain, Choices()), plan(dataset, Choices())
    assert same_terms == terms
    assert same_truth.equals(truth)


def test_oblong_images_are_cropped_not_squashed(tmp_path):
    where = folder(tmp_path / "set")
    wide = np.zeros((32, 96), dtype=np.uint8)
    wide[:, 32:64] = 200
    Image.fromarray(wide).save(where / "images/site-a-000.png")
    assert (manifest.read_manifest(where).pixels[0] == 200).all()


def test_sixteen_bit_grey_keeps_its_top_bits(tmp_path):
    where = folder(tmp_path / "set")
    Image.fromarray(np.full((32, 32), 0x8012, dtype=np.uint16)).save(where / "images/site-a-000.png")
    dataset = manifest.read_manifest(where)
    assert dataset.channels == 1
    assert (dataset.pixels[0] == 0x80).all()


def test_sixteen_bit_tiff_is_grey_whatever_its_byte_order_and_with_white_for_much(tmp_path):
    where = folder(tmp_path / "set", domains={"a": 4})
    (where / "manifest.csv").write_text((where / "manifest.csv").read_text().replace(".png", ".tif"))
    for index, order in enumerate("<><<"):
        values = np.full((32, 32), 0x8012 if index < 2 else 0x7FED, dtype=np.uint16)
        kind = "minisblack" if index < 2 else "miniswhite"
        tifffile.imwrite(where / f"images/a-00{index}.tif", values, byteorder=order, photometric=kind)
    dataset = manifest.read_manifest(where)
    assert dataset.channels == 1
    assert (dataset.pixels == 0x80).all()


def test_floats_are_refused_not_clipped(tmp_path):
    where = edit(folder(tmp_path / "set"), "images/site-a-001.png", "images/deep.tif")
    Image.fromarray(np.linspace(0, 1, 1024, dtype=np.float32).reshape(32, 32)).save(where / "images/deep.tif")
    with pytest.raises(MedshiftError, match=r"line 3: images/deep\.tif: values are float32.*medshift data add"):
        manifest.read_manifest(where)


def test_a_manifest_with_groups_is_needed(tmp_path):
    where = folder(tmp_path / "set")
    with pytest.raises(MedshiftError, match=r"no column 'split_group'.*its columns are image, label, domain, patient"):
        manifest.read_manifest(edit(where, "split_group", "patient"))
    (where / "manifest.csv").unlink()
    os.mkfifo(where / "manifest.csv")  # opening it would block
    with pytest.raises(MedshiftError, match=r"no manifest\.csv or manifest\.parquet in .*medshift data add"):
        manifest.read_manifest(where)
