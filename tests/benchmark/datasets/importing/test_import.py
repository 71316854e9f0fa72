"""Importing pictures: manifests, folders, depths, channels, and everything that can be wrong with them."""

from __future__ import annotations

import os
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.cli import MEDSHIFT
from helpers.image_folders import edit, folder
from PIL import Image

from medshift.benchmark.datasets import registry, store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.importing.paths import ContainedPaths
from medshift.benchmark.datasets.importing.problems import Problems
from medshift.benchmark.datasets.importing.resolve import class_names
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def small(tmp_path):
    """A folder of 16 images of two domains, with a manifest."""
    return folder(tmp_path / "in", domains={"a": 12, "b": 4})


def refused(where, home, **options):
    """Return the lines of the message with which input is refused; check that nothing is left behind."""
    with pytest.raises(MedshiftError) as error:
        add("set", where, Options(**options))
    assert store.names() == []
    assert not [path for path in (home / "data").glob("*") if not path.name.endswith(".lock")]
    return [line.strip() for line in str(error.value).splitlines()]


def bomb(path, width, height):
    """Make a PNG claim to be larger than it is."""
    whole = path.read_bytes()
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(whole[:8] + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + whole[33:])


def test_all_columns_of_a_manifest(small):
    made = add("set", small, Options(domain_from="camera", modality="fundus", licence="CC0", citation="me"))
    assert made.domains == ["x"]
    assert made.table.columns.tolist() == ["sample_id", "label", "domain", "group", "manifest_domain"]
    assert (made.modality, made.licence, made.citation) == ("fundus", "CC0", "me")


def test_a_manifest_of_another_name_with_other_columns(small, home):
    table = pd.read_csv(small / "manifest.csv").rename(
        columns={"image": "Image Index", "label": "Finding", "split_group": "Patient ID", "domain": "hospital"}
    )
    table["Patient ID"] = table["Patient ID"].str[-1:].astype(float)
    table["age"] = [None, *range(15)]
    table.to_parquet(small / "all.parquet")
    names = {"image_column": "Image Index", "label_column": "Finding", "group_column": "Patient ID"}
    made = add("set", small / "all.parquet", Options(**names, domain_from="hospital"))
    assert made.domains == ["a", "b"]
    assert made.table["age"].tolist()[:2] == ["", "0.0"]
    assert made.table["group"].nunique() == 6
    store.remove("set")
    (said,) = refused(small / "all.parquet", home, **{**names, "image_column": "image"})
    assert "no column 'image'; its columns are" in said
    said = refused(small / "all.parquet", home, **names)
    assert "no column 'domain' for the site or scanner" in said[0]
    # neither `camera`, which has one value, nor the columns that hold something else
    assert said[1].startswith("hospital: a (12), b (4)")
    assert [line.partition(":")[0] for line in said[1:]] == ["hospital", "age"]


def test_a_class_a_folder_and_a_domain_a_folder(small, home, tmp_path):
    table = pd.read_csv(small / "manifest.csv")
    for name, label, domain in zip(table["image"], table["label"], table["domain"], strict=True):
        path = tmp_path / "tree" / domain / label / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((small / name).read_bytes())
    (tmp_path / "tree" / "README.md").write_text("a note")
    (tmp_path / "tree" / ".hidden.png").write_text("not seen")
    made = add("set", tmp_path / "tree", Options())
    assert made.domains == ["a", "b"]
    assert made.classes == ("healthy", "sick")
    assert made.table["sample_id"].tolist() == sorted(made.table["sample_id"])
    assert made.table["label"].tolist() == [int("sick" in name) for name in made.table["sample_id"]]
    assert made.table["group"].nunique() == 16
    assert any("EACH IMAGE IS ITS OWN GROUP" in note for note in made.notes)
    assert any("left out 1 files that are not images" in note for note in made.notes)
    store.remove("set")
    grouped = add("set", tmp_path / "tree", Options(group_pattern=r"-(\d\d)\d"))
    assert sorted(grouped.table["group"].unique()) == ["00", "01"]
    assert any("1 groups occur in several domains" in note for note in grouped.notes)
    store.remove("set")
    (_, said) = refused(tmp_path / "tree", home, group_pattern="b-(0)", classes=("healthy", "sick"))[:2]
    assert "a/healthy/a-000.png: --group-pattern does not match" in said
    for nothing in (r"a-(\d*?)", r"(c)?-0", r"x*"):
        (_, said) = refused(tmp_path / "tree", home, group_pattern=nothing)[:2]
        assert "a/healthy/a-000.png: --group-pattern matches, but finds no group" in said
    one = add("one", tmp_path / "tree" / "a", Options())
    assert one.domains == ["a"]
    store.remove("one")
    (tmp_path / "tree" / "a" / "loose.png").write_bytes((small / "images/a-000.png").read_bytes())
    assert any("a/loose.png is at depth 1" in line for line in refused(tmp_path / "tree", home))


@pytest.mark.parametrize("form", ["a/healthy/-1.png", "a/healthy/-1"])
def test_what_is_no_file_in_a_tree_is_named_or_left_out_and_not_waited_for(home, tmp_path, form):
    """Each comes first in the tree, and the first file decides which kind is expected."""
    where = tmp_path / "tree"
    for number, label in enumerate(("healthy", "sick") * 2):
        (where / "a" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(where / "a" / label / f"{number}.png")
    odd = where / form
    makers = {
        "not a file but a folder or device": lambda: os.mkfifo(odd),
        "no such file": lambda: odd.symlink_to("gone"),
        "no such file ": lambda: odd.symlink_to(odd),
    }
    for said, make in makers.items():
        make()
        if odd.suffix:
            assert refused(where, home)[1:] == [f"{form}: {said.strip()}"]
        else:
            assert any("left out 1 files that are not images" in note for note in add("set", where, Options()).notes)
            store.remove("set")
        odd.unlink()
    (where / "loop").symlink_to(where)
    assert refused(where, home)[1:] == ["loop is a link to a folder: bring in the folder itself"]


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
    assert said[0].endswith("manifest.csv: 18 problems:")
    expected = [
        "line 2: images/a-000.png: an empty file",
        "line 3: images/a-001.png: a JPEG file by its content, not PNG: rename it",
        "line 4: images/a-002.png: not a PNG file by its content",
        "line 5: images/a-003.png: no such file",
        "line 6: images/a-004.png leads out of the folder",
        "line 7: images/a-005.png: 12000 x 10000 pixels; the most is 100,000,000",
        "line 8: images/a-006.png: colour, most others are grey (--channels 1 or 3 converts)",
        "line 9: images/a-007.png: values are uint16, those of most others uint8",
        "line 10: images/a-008.png: cannot be decoded",
        "line 12: images/a-010.png is listed twice, first in line 11",
        "line 13: ../../etc/passwd leads out of the folder",
        "line 14: /etc/passwd leads out of the folder",
        "line 15: images/cut.jpg: cannot be decoded (image file is truncated",
        "line 15: label 'healthy ' has spaces around it",
        "line 16: empty label",
        "line 17: class 'odd' has one image: add more, or leave it out with --classes",
        "line 17: images/./b-002.png is listed twice, first in line 16",
    ]
    text = "\n".join(said)
    assert [line for line in expected if line not in text] == []
    assert len(said) == 19


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
        (b"image,label,domain,split_group\na,b,c,d,e,f\na\n", "have more cells than its head"),
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
        ({"slices": 3}, "--slices goes with NIfTI, not with pictures"),
        ({"voxel_mm": 1.0}, "--voxel-mm goes with NIfTI, not with pictures"),
        ({"group_column": "split_group", "group_pattern": "a"}, "both define the groups: give only one"),
        ({"licence": "x" * 4001}, "--licence has 4,001 characters, at most 4,000 are kept"),
        ({"citation": "x" * 10**6}, "--citation has 1,000,000 characters"),
        ({"group_pattern": "("}, "is not a regular expression"),
        ({"domain_from": "Manufacturer"}, "only DICOM has the tag Manufacturer"),
        ({"domain_from": "camra"}, "no column 'camra' for the site or scanner"),
        ({"classes": ("healthy", "sik")}, "no label 'sik'. Did you mean 'sick'"),
        ({"classes": ("sick",)}, "every label is 'sick'; two classes are needed"),
    ],
)
def test_options_that_make_no_sense(small, home, options, message):
    assert message in " ".join(refused(small, home, **options))


def test_a_pattern_goes_before_the_column_and_says_so(small):
    made = add("set", small, Options(group_pattern="[ab]-0"))
    assert set(made.table["group"]) == {"a-0", "b-0"}
    assert any("come from --group-pattern, not from the manifest" in note for note in made.notes)


def test_more_labels_than_are_told_apart(tmp_path):
    names = [f"label-{index:04d}" for index in range(1001)] * 2
    rows = pd.DataFrame({"label": names, "line": range(2, 2004)})
    problems = Problems(tmp_path)
    class_names(rows, Options(), problems)
    with pytest.raises(MedshiftError, match="1,001 different labels, at most 1,000 are supported"):
        problems.stop()


def test_options_that_need_a_manifest(tmp_path, home):
    for index, name in enumerate(("a", "a", "b ", "b ")):
        (tmp_path / "in" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(tmp_path / "in" / name / f"{index}.png")
    assert "need a manifest" in refused(tmp_path / "in", home, group_column="patient")[0]
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
    assert any("leads out" in line or "no such file" in line for line in refused(tmp_path / "apart.csv", home))


@pytest.mark.slow
def test_a_stored_set_goes_to_a_finished_run_and_is_run_again(tmp_path, home):
    where = folder(tmp_path / "in", domains={"site-a": 40, "site-b": 12})
    add("mine", where, Options(modality="xray"))
    words = ["run", "--baseline", "scratch", "--dataset", "mine", "--source", "site-a", "--shifts", "gamma"]
    words += ["--severities", "3", "--set", "epochs=1", "--out", str(tmp_path / "out")]
    done = subprocess.run([*MEDSHIFT, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (card,) = (tmp_path / "out").rglob("card.json")
    said = registry.load_dataset("mine")
    assert f'"version": "{said.version}"' in card.read_text()
    done = subprocess.run([*MEDSHIFT, "verify", str(card.parent)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "reproduced" in done.stdout


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("a.png", True),
        ("sub/a.png", True),
        ("sub/../a.png", True),
        ("../in/a.png", True),
        ("in.png", True),
        ("kept/a.png", True),
        ("kept.png", True),
        ("..", False),
        ("../in2/a.png", False),
        ("sub/../../a.png", False),
        ("out/a.png", False),
        ("out.png", False),
        ("out/../a.png", False),
        ("loop/a.png", True),
        ("a\0.png", False),
    ],
)
def test_paths_with_their_links_followed(tmp_path, name, inside):
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "in2" / "deep").mkdir(parents=True)
    for link, to in (
        ("out", tmp_path / "in2" / "deep"),
        ("out.png", tmp_path / "in2" / "a.png"),
        ("kept", root / "sub"),
    ):
        (root / link).symlink_to(to)
    (root / "kept.png").symlink_to("sub/a.png")
    (root / "loop").symlink_to(root / "loop")
    real = ContainedPaths(root).real(name)
    assert (real is not None) == inside
    if inside and "loop" not in name:
        assert real == str((root / name).resolve())


SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real images are not part of the repository")
@pytest.mark.parametrize(
    ("name", "count", "shape", "domains"),
    [
        ("fundus_vessel_patches", 3168, (3, 48, 48), 2),
        ("wbc_blood_smear", 2750, (3, 88, 88), 4),
        ("chest_xray_pneumonia", 2498, (1, 96, 96), 3),
    ],
)
def test_real_images(name, count, shape, domains):
    made = add(name, SHARED / name, Options())
    assert (made.pixels.shape, len(made.domains)) == ((count, *shape), domains)
