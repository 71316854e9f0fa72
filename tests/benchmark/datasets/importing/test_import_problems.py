"""Everything that can be wrong with files, manifests and options: each is named, and nothing is left behind."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.images.image_folders import edit
from helpers.images.picture_files import listed
from helpers.importing import refused
from PIL import Image

from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.importing.problems import Problems
from medshift.benchmark.datasets.importing.rows.resolve import class_names
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def bomb(path, width, height):
    """Make a PNG claim to be larger than it is."""
    whole = path.read_bytes()
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(whole[:8] + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + whole[33:])


def test_a_file_without_an_ending_that_cannot_be_read_is_named(small, home, monkeypatch):
    (small / "manifest.csv").unlink()
    (small / "images/b-000.png").rename(small / "images/locked")
    real = Path.open

    def locked(path, *words, **named):
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(path, *words, **named)

    monkeypatch.setattr(Path, "open", locked)
    assert "images/locked: cannot be read (Permission denied)" in refused(small, home)


def test_a_folder_that_cannot_be_read_is_named(small, home, monkeypatch):
    (small / "manifest.csv").rename(small / "table.txt")
    (small / "shut").mkdir()
    real = os.scandir

    def shut(path):
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", shut)
    assert f"{small}/shut: cannot be read (Permission denied)" in refused(small, home)


def test_everything_that_is_wrong_at_once_with_its_line(small, home, tmp_path):
    images = small / "images"
    whole = (images / "a-001.png").read_bytes()
    Image.open(images / "a-000.png").save(images / "photo.jpg", quality=95)
    (images / "a-000.png").write_bytes(b"")
    jpeg = (images / "photo.jpg").read_bytes()
    (images / "cut.jpg").write_bytes(jpeg[: len(jpeg) * 2 // 3])
    (images / "a-001.png").write_bytes(jpeg)
    (images / "a-002.png").write_text("no image at all")
    (images / "a-003.png").unlink()
    (images / "a-004.png").unlink()
    (tmp_path / "secret.png").write_bytes(whole)
    (images / "a-004.png").symlink_to(tmp_path / "secret.png")
    bomb(images / "a-005.png", 12_000, 10_000)
    Image.fromarray(np.zeros((32, 32, 3), dtype=np.uint8)).save(images / "a-006.png")
    Image.fromarray(np.zeros((32, 32), dtype=np.uint16)).save(images / "a-007.png")
    (images / "a-008.png").write_bytes(whole[:-40])
    edit(small, "images/a-009.png", "images/a-010.png")
    edit(small, "images/a-011.png", "../../etc/passwd")
    edit(small, "images/b-000.png", "/etc/passwd")
    edit(small, "images/b-001.png,healthy", "images/cut.jpg,healthy ")
    edit(small, "images/b-002.png,sick", "images/b-002.png,")
    edit(small, "images/b-003.png,sick", "images/./b-002.png,odd")
    said = refused(small, home)
    assert said[0].endswith("manifest.csv: 17 problems:")
    expected = [
        "line 2: images/a-000.png: an empty file",
        "line 4: images/a-002.png: not a PNG file by its content",
        "line 5: images/a-003.png: no such file",
        "line 6: images/a-004.png: a link that leads out of the folder (--follow-links reads it",
        "line 7: images/a-005.png: 12000 x 10000 pixels; the most is 100,000,000",
        "line 8: images/a-006.png: colour, most others are grey (--channels 1 or 3 converts)",
        "line 9: images/a-007.png: values are uint16, those of most others uint8",
        "line 10: images/a-008.png: cannot be decoded",
        "line 12: images/a-010.png: listed with label `healthy` and `sick`, in lines 11, 12: correct the table",
        "line 13: ../../etc/passwd: leads out of the folder",
        "line 14: /etc/passwd: leads out of the folder",
        "line 15: images/cut.jpg: cannot be decoded (image file is truncated",
        "line 15: label 'healthy ' has spaces around it",
        "line 16: empty label",
        "line 17: class 'odd' has one image: add more, or leave it out with --classes",
        "line 17: images/./b-002.png: listed twice, first in line 16",
    ]
    text = "\n".join(said)
    assert [line for line in expected if line not in text] == []
    assert len(said) == 18


def test_a_bomb_that_the_decoder_refuses_itself(small, home):
    bomb(small / "images/a-000.png", 60_000, 60_000)
    (_, said) = refused(small, home)
    assert said.startswith("line 2: images/a-000.png: cannot be decoded (Image size (3600000000 pixels) exceeds limit")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"image,label,domain,split_group\na.png,x,y,z\nb.png,caf\xe9,y,z\n", "is not UTF-8 text (line 3)"),
        (b"", "cannot be read as a table"),
        (b"image,label,domain,split_group\n", "lists no images"),
        (b"image,label,domain,split_group\na,b,c,d,e,f\na\n", "line 2 has more cells than its header has columns"),
        (b"image,diagnosis\n", "no column 'label'; its columns are image, diagnosis"),
    ],
)
def test_a_manifest_that_is_none(small, home, data, message):
    (small / "manifest.csv").write_bytes(data)
    assert message in " ".join(refused(small, home))


def test_blank_lines_do_not_shift_the_count(small, home):
    edit(small, "images/a-001.png", "\nimages/gone.png")
    edit(small, "images/b-003.png,sick,b,b-p1,x", "images/b-003.png,sick,b,b-p1,x\n\n")
    (_, said) = refused(small, home)
    assert said == "line 4: images/gone.png: no such file"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modality": "xry"}, "unknown modality 'xry'. Did you mean 'xray'"),
        ({"image_size": 4}, "--image-size must be 8 to 4096"),
        ({"channels": 2}, "--channels must be 1 (grey) or 3"),
        ({"window": "40"}, "--window must be CENTRE,WIDTH"),
        ({"window": "40,-1"}, "--window must be CENTRE,WIDTH"),
        ({"window": "40,400"}, "--window goes with DICOM or NIfTI"),
        ({"slices": 3}, "--slices goes with NIfTI, or with files of several pages or frames: these have one each"),
        ({"voxel_mm": 1.0}, "--voxel-mm goes with NIfTI, not with pictures"),
        ({"background": "blakc"}, "--background must be a colour such as white or #ff0000, not 'blakc'"),
        (
            {"value_ranges": ("0;4095",)},
            "--value-range must be LOW,HIGH or DOMAIN:LOW,HIGH (e.g. 0,4095), not '0;4095'",
        ),
        ({"value_ranges": ("9,3",)}, "--value-range must be LOW,HIGH"),
        ({"value_ranges": ("nan,3",)}, "--value-range must be LOW,HIGH"),
        ({"value_ranges": ("a:0,3", "a:0,4")}, "--value-range is given twice for 'a'"),
        ({"value_ranges": ("c:0,3",)}, "--value-range: unknown domain 'c'"),
        ({"value_ranges": ("0,3",), "window": "40,400"}, "--value-range and --window both say which values are black"),
        ({"group_column": "split_group", "group_pattern": "a"}, "both define the groups: give only one"),
        ({"licence": "x" * 4001}, "--licence has 4,001 characters, at most 4,000 are kept"),
        ({"citation": "x" * 10**6}, "--citation has 1,000,000 characters"),
        ({"group_pattern": "("}, "is not a regular expression"),
        ({"domain_from": "Manufacturer"}, "only DICOM has the tag Manufacturer"),
        ({"domain_from": "camra"}, "no column 'camra' for the site or scanner"),
        ({"classes": ("healthy", "sik")}, "unknown label 'sik'. Did you mean 'sick'"),
        ({"classes": ("sick",)}, "every label is 'sick'; two classes are needed"),
    ],
)
def test_options_that_make_no_sense(small, home, options, message):
    assert message in " ".join(refused(small, home, **options))


def test_more_labels_than_are_told_apart(tmp_path):
    names = [f"label-{index:04d}" for index in range(1001)] * 2
    rows = pd.DataFrame({"label": names, "line": range(2, 2004)})
    problems = Problems(tmp_path)
    class_names(rows, Options(), problems)
    with pytest.raises(MedshiftError, match="1,001 different labels, at most 1,000 are supported"):
        problems.stop()


def test_files_that_cannot_be_read_leave_their_classes_whole(small, home):
    table = pd.read_csv(small / "manifest.csv")
    for name in table["image"][table["label"] == "healthy"][1:]:
        (small / name).write_bytes((small / name).read_bytes()[:20])
    said = refused(small, home)
    assert said[0].endswith("7 problems:")
    assert [
        line for line in said[1:] if "cannot be decoded" not in line and "of a kind that is not read" not in line
    ] == []
    for name in table["image"][table["label"] == "healthy"]:
        (small / name).write_bytes(b"")
    assert len(refused(small, home, classes=("healthy", "sick"))) == 2


@pytest.mark.parametrize("dtypes", [(np.uint8, np.float32), (np.uint16, np.float32), (np.uint16, np.uint8)])
def test_pictures_of_other_depths_are_told_once(tmp_path, home, dtypes):
    common, other = dtypes
    images = [np.eye(16).astype(other if number % 4 == 3 else common) for number in range(8)]
    said = refused(listed(tmp_path / "in", images, ending="tif"), home)[1:]
    assert [line.partition(":")[0] for line in said] == ["line 5", "line 9"]
    what = f"values are {np.dtype(other)}, those of most others {np.dtype(common)} (save a domain's files in one depth"
    assert all(what in line for line in said)


def test_images_that_are_too_small_are_named(small, home):
    Image.new("L", (1, 300)).save(small / "images/a-001.png")
    assert refused(small, home)[1:] == [
        "line 3: images/a-001.png: 1 x 300 pixels; a side of 8 is needed (--image-size 8 or more enlarges it)"
    ]


def test_options_that_need_a_manifest(tmp_path, home):
    for index, name in enumerate(("a", "a", "b ", "b ")):
        (tmp_path / "in" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(tmp_path / "in" / name / f"{index}.png")
    for option in ({"group_column": "patient"}, {"image_column": "file"}, {"merge_rows": True}):
        assert "--group-column and --merge-rows need a manifest" in refused(tmp_path / "in", home, **option)[0]
    assert "--label-column needs a manifest or DICOM" in refused(tmp_path / "in", home, label_column="x")[0]
    assert refused(tmp_path / "in", home)[1:] == ["folder 'b ' has spaces around its name"]


def test_paths_that_are_nothing(small, home, tmp_path):
    assert "no such folder or manifest" in refused(tmp_path / "gone", home)[0]
    assert "neither a folder nor a manifest" in refused(small / "images/a-000.png", home)[0]
    (tmp_path / "void").mkdir()
    assert "holds no image and no manifest.csv" in refused(tmp_path / "void", home)[0]
    (small / "loop").symlink_to(small)
    (small / "manifest.csv").rename(tmp_path / "apart.csv")
    assert any("loop is a link to a folder" in line for line in refused(small, home))
    assert any(": leads out" in line or "no such file" in line for line in refused(tmp_path / "apart.csv", home))
