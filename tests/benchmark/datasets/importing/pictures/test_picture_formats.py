"""What is opened: the listed formats only, by content; and which of several pages."""

from __future__ import annotations

import subprocess
from functools import partial

import numpy as np
import pytest
import tifffile
from helpers.images.dicom_files import write as write_dicom
from helpers.images.picture_files import listed
from PIL import Image, features

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.frames import spread
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 16, 16)).astype(np.uint8)


def refusals(where, **options) -> str:
    """Return the message with which both ways refuse a folder."""
    with pytest.raises(MedshiftError) as direct:
        read_manifest(where, **options)
    with pytest.raises(MedshiftError) as stored:
        add("set", where, Options(**options))
    assert str(direct.value) == str(stored.value)
    return str(direct.value)


@pytest.mark.parametrize(("form", "named"), [("EPS", "PostScript"), ("GIF", "GIF"), ("WEBP", "WebP"), ("PDF", "PDF")])
@pytest.mark.parametrize("ending", ["png", "img"])
def test_other_formats_are_named_and_never_opened(tmp_path, monkeypatch, form, named, ending):
    if form == "WEBP" and not features.check("webp"):
        pytest.skip("Pillow lacks WebP")
    where = listed(tmp_path / "in", IMAGES, lambda path, v: Image.fromarray(v).save(path, format=form), ending)

    def run(*words, **more):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", run)
    said = refusals(where)
    assert f"line 2: 000.{ending}: a {named} file by its content, which is not read: save it as PNG" in said


def test_formats_that_are_left_out_of_a_tree_are_counted(tmp_path):
    for index, image in enumerate(IMAGES):
        for name in (f"{index}.png", f"{index}.gif"):
            path = tmp_path / "in" / "site" / "ab"[index % 2] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    (tmp_path / "in" / "site" / "notes.txt").write_text("text")
    notes = add("set", tmp_path / "in", Options()).notes
    told = "left out 9 files that are not images, or of formats that are not read (8 .gif: save them as PNG)"
    assert told in notes


def test_content_counts_whatever_a_file_is_named(tmp_path):
    forms = ["PNG", "JPEG", "BMP", "TIFF"]

    def write(path, number):
        image = Image.fromarray(IMAGES[number // 4])
        image.save(path, format=forms[number % 4], **({"quality": 100} if number % 4 == 1 else {}))

    where = listed(tmp_path / "in", range(8), write)
    made = add("set", where, Options())
    assert np.abs(made.pixels[:, 0].astype(int) - np.repeat(IMAGES[:2], 4, axis=0)).max() <= 3
    said = tuple(f"2 files are {form} by content, though named PNG" for form in ("BMP", "JPEG", "TIFF"))
    assert tuple(note for note in made.notes if "by content" in note) == said
    assert read_manifest(where).notes == made.notes


def test_dicom_named_as_a_picture_is_dicom(tmp_path):
    where = listed(tmp_path / "in", IMAGES, lambda path, v: write_dicom(path, v, int(path.stem)))
    made = add("set", where, Options())
    assert np.array_equal(made.pixels[:, 0], IMAGES)
    assert "8 files are DICOM by content, though named PNG" in made.notes
    pictures = listed(tmp_path / "pictures", IMAGES, lambda path, v: Image.fromarray(v).save(path, "PNG"), "dcm")
    assert np.array_equal(add("other", pictures, Options()).pixels[:, 0], IMAGES)


def test_a_text_that_begins_like_a_bitmap_is_none(tmp_path):
    where = listed(tmp_path / "in", IMAGES[:2], lambda path, v: path.write_text("BMI of all patients, in kg/m2, ..."))
    assert "000.png: not a PNG file by its content" in refusals(where)


def tiff_pages(path, pages):
    tifffile.imwrite(path, pages, photometric="minisblack")


def animated(path, pages):
    first, *rest = [Image.fromarray(page) for page in pages]
    first.save(path, save_all=True, append_images=rest)


@pytest.mark.parametrize(("write", "ending"), [(tiff_pages, "tif"), (animated, "png")])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_pages_are_refused_or_taken_evenly_by_both_ways(tmp_path, write, ending, dtype):
    if dtype == "uint16" and ending == "png":
        pytest.skip("Pillow writes animations of 8 bits")
    pages = np.random.default_rng(0).integers(0, 256, (4, 9, 16, 16)).astype(dtype)
    pages *= pages.dtype.type(np.iinfo(dtype).max // 255)
    where = listed(tmp_path / "in", pages, write, ending)
    assert f"000.{ending}: 9 pages; only files of one page are read (--slices N takes N of them)" in refusals(where)
    assert f"000.{ending}: has 9 pages, fewer than --slices 10 (--slices 1 takes one of each)" in refusals(
        where, slices=10
    )
    made = add("set", where, Options(slices=3))
    assert np.array_equal(made.pixels[:, 0], pages[:, [1, 4, 7]].reshape(12, 16, 16))
    assert made.table["group"].tolist() == [f"p{index // 3}" for index in range(12)]
    assert made.table["sample_id"][:3].tolist() == [f"000.{ending}#1", f"000.{ending}#4", f"000.{ending}#7"]
    assert "3 pages of each file, spread evenly" in made.notes
    direct = read_manifest(where, slices=3).pixels
    assert np.array_equal(direct, made.pixels if dtype == "uint8" else made.pixels >> 8)


@pytest.mark.parametrize("how", [{"imagej": True, "truncate": True}, {"truncate": True}, {"volumetric": True}])
def test_a_stack_that_is_written_as_one_page_is_refused(tmp_path, how):
    stacks = np.random.default_rng(0).integers(0, 256, (4, 6, 16, 16)).astype(np.uint16)
    where = listed(tmp_path / "in", stacks, lambda path, planes: tifffile.imwrite(path, planes, **how), "tif")
    said = "000.tif: a stack of 6 planes written as one page: save it with a page for each plane"
    assert said in refusals(where)
    assert said in refusals(where, slices=2)


@pytest.mark.parametrize("how", [{"imagej": True}, {}])
@pytest.mark.parametrize("shape", [(16, 16), (1, 16, 16), (16, 16, 3)])
def test_a_page_by_a_program_that_writes_stacks_is_read(tmp_path, how, shape):
    images = np.random.default_rng(0).integers(0, 256, (4, *shape)).astype(np.uint8)
    photometric = "rgb" if shape[-1] == 3 else "minisblack"
    write = partial(tifffile.imwrite, photometric=photometric, **how)
    made = add("set", listed(tmp_path / "in", images, write, "tif"), Options())
    assert np.array_equal(np.moveaxis(made.pixels, 1, -1).reshape(images.shape), images)


def test_columns_that_bear_the_name_of_one_that_is_made_are_kept(tmp_path):
    where = listed(tmp_path / "in", np.zeros((4, 2, 16, 16), np.uint8) + np.eye(16, dtype=np.uint8), tiff_pages, "tif")
    head, *lines = (where / "manifest.csv").read_text().splitlines()
    more = [f"{line},top,yes,7,8" for line in lines]
    (where / "manifest.csv").write_text("\n".join([f"{head},slice,real,file,manifest_file", *more]))
    table = add("set", where, Options(slices=1)).table
    assert [set(table[f"manifest_{name}"]) for name in ("slice", "real", "file", "manifest_file")] == [
        {"top"},
        {"yes"},
        {"8"},
        {"7"},
    ]
    assert set(table["slice"]) == {"1"}


def test_pages_of_a_file_without_a_patient_share_its_group(tmp_path):
    pages = np.random.default_rng(0).integers(0, 256, (4, 3, 16, 16)).astype(np.uint8)
    for index, image in enumerate(pages):
        path = tmp_path / "in" / "site" / "ab"[index % 2] / f"{index}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tiff_pages(path, image)
    made = add("set", tmp_path / "in", Options(slices=3))
    assert made.table.groupby("group")["sample_id"].count().tolist() == [3] * 4
    assert any(note.startswith("EACH FILE IS ITS OWN GROUP") for note in made.notes)


def test_thumbnails_and_masks_within_a_file_are_no_pages(tmp_path):
    def write(path, values):
        with tifffile.TiffWriter(path) as file:
            file.write(values[::4, ::4], subfiletype=1)
            file.write(values)
            file.write(values[::2, ::2], subfiletype=1)
            file.write(values > 100, subfiletype=4)

    made = add("set", listed(tmp_path / "in", IMAGES, write, "tif"), Options())
    assert np.array_equal(made.pixels[:, 0], IMAGES)


def test_the_first_picture_of_a_phone_is_the_picture(tmp_path):
    def write(path, values):
        smooth = Image.fromarray(values).resize((64, 64))
        smooth.save(path, "MPO", save_all=True, append_images=[Image.new("L", (64, 64))], quality=95)

    made = add("set", listed(tmp_path / "in", IMAGES, write, "jpg"), Options())
    assert made.pixels.shape == (8, 1, 64, 64)
    assert made.pixels.max() > 150
    assert made.notes == ()


def test_frames_are_spread_evenly():
    assert spread(9, 3) == [1, 4, 7]
    assert spread(5, 5) == [0, 1, 2, 3, 4]
    assert spread(100, 1) == [50]
    assert all(len(set(spread(count, wanted))) == wanted for count in range(1, 30) for wanted in range(1, count + 1))


def test_files_of_one_page_and_of_several_give_one_each(tmp_path):
    pages = [np.stack([image] * (1 + 2 * (index % 2))) for index, image in enumerate(IMAGES)]
    where = listed(tmp_path / "in", pages, tiff_pages, "tif")
    assert "000.tif: has 1 page, fewer than --slices 2 (--slices 1 takes one of each)" in refusals(where, slices=2)
    made = add("set", where, Options(slices=1))
    assert np.array_equal(made.pixels[:, 0], IMAGES)
    assert "1 page of each file, spread evenly" in made.notes


def test_a_big_endian_bigtiff_is_named_and_nothing_else_is_printed(tmp_path, recwarn):
    def write(path, values):
        tifffile.imwrite(path, values, bigtiff=True, byteorder=">")

    where = listed(tmp_path / "in", IMAGES, write, "tif")
    assert "000.tif: a big-endian BigTIFF: save it as TIFF or PNG" in refusals(where)
    assert not len(recwarn)
