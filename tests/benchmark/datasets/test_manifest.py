"""Folders with a manifest: read as they are, and everything that is wrong is said at once."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tifffile
from helpers.image_folders import edit, folder
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
        "\n".join([f"{head},group,age", *(f"{line},g,{'' if n == 3 else '07'}" for n, line in enumerate(lines))])
    )
    dataset = manifest.read_manifest(where)
    assert dataset.table.columns.tolist() == [
        *("sample_id", "label", "domain", "group", "camera", "manifest_group", "age"),
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


def test_all_damaged_images_are_listed_at_once(tmp_path):
    where = folder(tmp_path / "set")
    whole = (where / "images/site-a-001.png").read_bytes()
    (where / "images/site-a-001.png").write_bytes(whole[: len(whole) // 2])
    (where / "images/site-a-002.png").write_bytes(b"")
    (where / "images/site-a-003.png").write_text("no image")
    (where / "images/site-a-004.png").unlink()
    with pytest.raises(MedshiftError) as error:
        manifest.read_manifest(where)
    text = str(error.value)
    assert "3 problems" in text
    assert "site-a-002.png: an empty file" in text
    assert "site-a-003.png: cannot be decoded" in text
    assert "site-a-004.png: no such file" in text
    for name in ("site-a-002.png", "site-a-003.png", "site-a-004.png"):
        (where / "images" / name).write_bytes(whole)
    with pytest.raises(MedshiftError, match=r"1 problem:\n  images/site-a-001.png: cannot be decoded"):
        manifest.read_manifest(where)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label", "diagnosis", "lacks the columns label; it has image, diagnosis"),
        ("healthy,site-a,site-a-p0", ",site-a,site-a-p0", "line 2: empty label"),
        ("healthy,site-a", "healthy ,site-a", "line 2: spaces around a value"),
        ("images/site-a-001.png", "images/site-a-000.png", "line 3: images/site-a-000.png a second time"),
        ("images/site-a-000.png", "../../etc/passwd", "line 2: ../../etc/passwd leads out of the folder"),
        ("images/site-a-000.png", "/etc/passwd", "line 2: /etc/passwd leads out of the folder"),
    ],
)
def test_a_damaged_manifest_is_told_with_its_line(tmp_path, old, new, message):
    with pytest.raises(MedshiftError) as error:
        manifest.read_manifest(edit(folder(tmp_path / "set"), old, new))
    assert message in str(error.value)


def test_lines_are_counted_as_in_the_file_and_short_ones_are_seen(tmp_path):
    where = edit(folder(tmp_path / "set"), "images/site-a-001.png", "\nimages/../../x.png")
    with pytest.raises(MedshiftError, match=r"1 problem:\n  line 4: images/\.\./\.\./x\.png leads out of the folder"):
        manifest.read_manifest(where)
    where = edit(folder(tmp_path / "short"), "healthy,site-a,site-a-p0,x\n", "healthy,site-a\n")
    with pytest.raises(MedshiftError, match=r"1 problem:\n  line 2: empty split_group"):
        manifest.read_manifest(where)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.linspace(0, 1, 1024, dtype=np.float32), "float32"),
        (np.arange(1024, dtype=np.int32) * 100, "signed or 32-bit integers"),
    ],
)
def test_values_that_eight_bits_cannot_hold_are_refused_not_clipped(tmp_path, values, kind):
    where = edit(folder(tmp_path / "set"), "images/site-a-001.png", "images/deep.tif")
    Image.fromarray(values.reshape(32, 32)).save(where / "images/deep.tif")
    with pytest.raises(MedshiftError, match=rf"images/deep\.tif: values are {kind}.*medshift data add"):
        manifest.read_manifest(where)


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


def test_what_is_no_file_is_said_and_not_waited_for(tmp_path):
    where = folder(tmp_path / "set")
    for number in (1, 2, 3):
        (where / f"images/site-a-00{number}.png").unlink()
    os.mkfifo(where / "images/site-a-001.png")
    (where / "images/site-a-002.png").symlink_to("site-a-002.png")
    (where / "images/site-a-003.png").symlink_to("gone.png")
    with pytest.raises(MedshiftError) as error:
        manifest.read_manifest(where)
    assert str(error.value).splitlines()[1:] == [
        "  images/site-a-001.png: no file but a folder or device",
        "  images/site-a-002.png: no such file",
        "  images/site-a-003.png: no such file",
    ]
    (where / "manifest.csv").unlink()
    os.mkfifo(where / "manifest.csv")
    with pytest.raises(MedshiftError, match=r"no manifest\.csv in"):
        manifest.read_manifest(where)


def test_links_out_of_the_folder_are_refused(tmp_path):
    where = folder(tmp_path / "set")
    (tmp_path / "secret.png").write_bytes((where / "images/site-a-000.png").read_bytes())
    (where / "images/site-a-000.png").unlink()
    (where / "images/site-a-000.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(MedshiftError, match="leads out of the folder"):
        manifest.read_manifest(where)


def test_other_wrong_input(tmp_path):
    where = folder(tmp_path / "set")
    with pytest.raises(MedshiftError, match=r"no label 'sik'\. Did you mean 'sick'"):
        manifest.read_manifest(where, classes=("healthy", "sik"))
    with pytest.raises(MedshiftError, match="every label is 'sick'; two classes are needed"):
        manifest.read_manifest(where, classes=("sick",))
    with pytest.raises(MedshiftError, match="--image-size is 8 to 4096"):
        manifest.read_manifest(where, image_size=4)
    with pytest.raises(MedshiftError, match=r"no manifest.csv in"):
        manifest.read_manifest(tmp_path)
    (where / "manifest.csv").write_bytes("image,label\n\xe9".encode("latin-1"))
    with pytest.raises(MedshiftError, match="not UTF-8"):
        manifest.read_manifest(where)
    (where / "manifest.csv").write_text("image,label,domain,split_group\n")
    with pytest.raises(MedshiftError, match="lists no images"):
        manifest.read_manifest(where)
    (where / "manifest.csv").write_text("")
    with pytest.raises(MedshiftError, match="no readable table"):
        manifest.read_manifest(where)


def test_one_class_only(tmp_path):
    where = folder(tmp_path / "set", names=("sick",))
    with pytest.raises(MedshiftError, match="every label is 'sick'"):
        manifest.read_manifest(where)
