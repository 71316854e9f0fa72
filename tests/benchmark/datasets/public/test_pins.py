"""The tables of pinned files are made from clones, by rules that anyone can follow again."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace

import pytest
from helpers.public import repositories as made

from medshift.benchmark.datasets.public import catalogue, pin
from medshift.benchmark.datasets.public.repositories import write_pins
from medshift.benchmark.datasets.public.sets import blood_cells, vessel_patches
from medshift.shifts.errors import MedshiftError


def clone(folder, files):
    """Commit files to a new git folder; return the commit."""
    made.write_below(folder, files)
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A", "-f"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def test_a_table_made_from_a_clone_holds_what_is_used_at_that_commit(tmp_path, monkeypatch):
    files = made.retinas()
    wanted = made.pinned("fundus-vessels", files)
    below = {key.removeprefix("data/"): body for key, body in files.items()}
    below |= {"README.md": b"not used", "CHASEDB1/Image_01L_2ndHO.png": b"the second observer"}
    commit = clone(tmp_path / "data", below)
    clone(tmp_path / "data", {"CHASEDB1/Image_02L.jpg": b"a later commit"})
    with pytest.raises(MedshiftError, match=r"data: git ls-tree -r -z 92b9449a\w+: "):
        pin.make_table("fundus-vessels", [tmp_path / "data"])
    definition = catalogue.find("fundus-vessels")
    there = replace(definition, repositories=(replace(definition.repositories[0], commit=commit),))
    monkeypatch.setitem(catalogue.TABLE, "fundus-vessels", there)
    assert pin.make_table("fundus-vessels", [tmp_path / "data"]) == write_pins(wanted)
    with pytest.raises(MedshiftError, match="needs one clone each of mipple1986/data"):
        pin.make_table("fundus-vessels", [])


def test_pbc_is_drawn_400_a_class_in_turn_and_of_equal_files_only_the_first_is_taken():
    kinds = ("neutrophil", "lymphocyte", "monocyte", "eosinophil")
    contents = {f"{blood_cells.PBC}/{kind}/X_{n:03d}.jpg": f"{kind}{n}" for kind in kinds for n in range(450)}
    contents |= {f"{blood_cells.PBC}/basophil/BA_1.jpg": "b", f"{blood_cells.PBC}/neutrophil/.DS_1.jpg": "hidden"}
    draw, order = random.Random(0), {}
    for kind in kinds:
        order[kind] = sorted(key for key in contents if f"/{kind}/X" in key)
        draw.shuffle(order[kind])
    first, second = order["monocyte"][10], order["monocyte"][20]
    contents[second] = contents[first]
    chosen = blood_cells.select(contents)
    for kind in ("neutrophil", "lymphocyte", "eosinophil"):
        assert {key for key in chosen if f"/{kind}/" in key} == set(order[kind][:400])
    assert {key for key in chosen if "/monocyte/" in key} == set(order["monocyte"][:401]) - {second}
    assert len(chosen) == 1600


def test_of_the_other_cells_all_but_basophils_of_known_name_and_duplicates_are_taken():
    contents = {
        "segmentation_WBC/Dataset 1/112.bmp": "same",
        "segmentation_WBC/Dataset 1/139.bmp": "same",
        "segmentation_WBC/Dataset 1/139.png": "a mask",
        "segmentation_WBC/Dataset 2/001.bmp": "one",
        "segmentation_WBC/Class Labels of Dataset 1.csv": "labels",
        "BCCD/BCCD_cropped/Basophil/BloodImage_00008_1.jpg": "basophil",
        "BCCD/BCCD_cropped/Neutrophil/BloodImage_00001_1.jpg": "neutrophil",
    }
    assert blood_cells.select(contents) == [
        "BCCD/BCCD_cropped/Neutrophil/BloodImage_00001_1.jpg",
        "segmentation_WBC/Class Labels of Dataset 1.csv",
        "segmentation_WBC/Dataset 1/112.bmp",
        "segmentation_WBC/Dataset 2/001.bmp",
    ]


def test_photographs_are_drawn_from_in_order_drive_first():
    keys = dict.fromkeys(made.retinas(), "")
    shown = vessel_patches.photographs(keys)
    assert [one.image.rpartition("/")[2] for one in shown] == [
        "01_test.tif",
        "21_training.tif",
        "Image_01L.jpg",
        "Image_01R.jpg",
    ]
