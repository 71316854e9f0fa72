"""Folders that are no sites or classes: splits and patients, and one site in two spellings."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from helpers.images.dicom_files import write as write_dicom
from helpers.images.image_folders import pictures
from helpers.importing import opened
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.collection import open_collection
from medshift.benchmark.datasets.importing.notes import GraveNote
from medshift.benchmark.datasets.importing.options import Options
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def test_folders_of_one_site_in_two_spellings_are_told(tmp_path):
    for site in ("site-a", "Site-A"):
        for label in ("no", "yes"):
            (tmp_path / "in" / site / label).mkdir(parents=True)
            for number in range(3):
                pixels = np.random.default_rng(number).integers(0, 255, (9, 9), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "in" / site / label / f"{number}.png")
    notes = add("set", tmp_path / "in", Options()).notes
    assert "domains 'Site-A' and 'site-a' look alike, and count as 2 sites: write them alike if they are one" in notes


def test_classes_with_patients_in_them_are_not_taken_for_sites_with_classes(tmp_path):
    for name in ("NORMAL/p1", "NORMAL/p2", "SICK/p3", "SICK/p4"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for number in range(2):
            Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(tmp_path / "in" / name / f"{number}.png")
    with pytest.raises(MedshiftError, match=r"NORMAL, SICK of .* share no folder that names a class"):
        add("set", tmp_path / "in", Options())


def test_folders_of_splits_are_no_sites(tmp_path):
    for split in ("train", "Test"):
        for label in ("no", "yes"):
            (tmp_path / "in" / split / label).mkdir(parents=True)
            Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(tmp_path / "in" / split / label / "0.png")
    with pytest.raises(MedshiftError, match=r"the folders Test, train of .* are splits, not sites"):
        add("set", tmp_path / "in", Options())


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (
            [f"{label}/{split}" for label in ("normal", "tumour") for split in ("train", "Test")],
            r"folders Test, train below normal, tumour of .* are splits, not classes \(domain/class/image is expected, "
            r"not class/split/image\): write",
        ),
        (
            [f"{site}/{split}/{label}" for site in "AB" for split in ("train", "test") for label in ("no", "yes")],
            r"folders test, train below A, B of .* are splits, not classes \(domain/split/class/image is not read\): ",
        ),
        (["train", "val"], "folders train, val of .* are splits, not classes .split/image names no class"),
    ],
)
def test_folders_of_splits_are_no_classes(tmp_path, folders, said):
    pictures(tmp_path, [f"{folder}/{number}.png" for folder in folders for number in range(2)])
    with pytest.raises(MedshiftError, match=said):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("p1", "p2"), True),
        (("Patient 07", "Patient 11"), True),
        (("001", "002"), True),
        (("1042", "993"), True),
        (("IM-001", "IM-002"), True),
        (("TCGA-01", "TCGA-12"), True),
        (("TCGA-AB-2802", "TCGA-AB-2803"), True),
        (("A01", "A12"), True),
        (("T1", "T2"), False),
        (("10", "100"), False),
        (("p1", "control"), False),
        (("0", "1"), False),
        (("grade1", "grade2"), False),
    ],
)
def test_folders_that_are_named_as_patients_are_told(tmp_path, names, told):
    pictures(tmp_path, [f"{c}/{name}/{n}.png" for c in ("normal", "tumour") for name in names for n in range(2)])
    note = (
        f"folders such as {names[0]!r} and {names[1]!r} are read as classes and 'normal' as a site: if they are "
        "patients, and the upper folders classes, write a manifest with image, label, domain, split_group"
    )
    assert (note in opened(tmp_path).notes) == told


@pytest.mark.parametrize(
    ("count", "images", "kind"),
    [(3, 3, str), (3, 25, None), (12, 3, GraveNote), (12, 25, str)],
)
@pytest.mark.parametrize("name", ["{:02}", "P{}"])
def test_folders_named_as_patients_are_grave_where_they_are_many_and_small(tmp_path, name, count, images, kind):
    for site in "AB":
        for number in range(count):
            folder = tmp_path / site / name.format(number)
            folder.mkdir(parents=True)
            Image.fromarray(np.full((9, 9), number, dtype=np.uint8)).save(folder / "0.png")
            for other in range(1, images):
                (folder / f"{other}.png").hardlink_to(folder / "0.png")
    told = [note for note in open_collection(tmp_path, Options()).notes if note.startswith("folders such as")]
    assert [type(note) for note in told] == [kind] * (kind is not None)


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX alone")
def test_a_name_that_is_not_in_utf_8_is_told(tmp_path):
    for label in ("no", "yes"):
        (tmp_path / "in" / label).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(np.full((9, 9), number, dtype=np.uint8)).save(tmp_path / "in" / label / f"{number}.png")
    shutil.copy(tmp_path / "in" / "no" / "0.png", os.fsencode(tmp_path / "in" / "no") + b"/caf\xe9.png")
    with pytest.raises(MedshiftError, match=r"no/caf.*\.png: its name is not in UTF-8: rename it"):
        add("set", tmp_path / "in", Options())


@pytest.mark.parametrize("more", ["", "x"])
def test_sites_that_are_read_as_classes_as_each_holds_the_same_folders_are_told(tmp_path, more):
    for site in "AB":
        for number, label in enumerate(("neg", f"pos{more * (site == 'B')}") * 2):
            pixels = np.random.default_rng(number).integers(0, 255, (16, 16), dtype=np.uint8)
            write_dicom(tmp_path / "in" / site / label / f"{number}.dcm", pixels, number)
    found = open_collection(tmp_path / "in", Options(domain_from="Manufacturer"))
    said = "the folders A, B are read as classes, and each holds neg, pos: if those are the classes"
    assert any(note.startswith(said) for note in found.notes) == (not more)
