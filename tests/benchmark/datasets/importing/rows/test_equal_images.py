"""Images that are equal in every pixel are told once all are read."""

from __future__ import annotations

import numpy as np
from helpers.images.image_folders import HEAD, make_set, pictures, write_manifest
from helpers.importing import opened
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest


def closing(where, **options):
    return opened(where, **options).looks.notes()


def copy(where, old, *new):
    for name in new:
        (where / name).write_bytes((where / old).read_bytes())


def test_files_copied_into_another_class_are_told_by_both_ways(tmp_path, home):
    pictures(tmp_path, [f"{c}/{n}.png" for c in ("neg", "pos") for n in range(12)])
    for n in range(10):
        copy(tmp_path, f"pos/{n}.png", f"neg/copy{n}.png")
    labels, leak = closing(tmp_path)
    assert labels == (
        "DIFFERENT LABELS OF EQUAL IMAGES: 10 pairs of equal images have different labels, the first neg/copy0.png "
        "(`neg`) and pos/0.png (`pos`): check them"
    )
    assert leak.startswith("20 images are equal to one of another group: training and test data may leak")
    assert labels in add("set", tmp_path, Options()).notes
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*.png"))
    write_manifest(tmp_path, [HEAD, *([name, name[:3], "A", name] for name in names)])
    assert labels in read_manifest(tmp_path).notes


def test_copies_in_other_groups_and_domains_are_counted_and_those_within_one_are_not(tmp_path):
    rows = make_set(tmp_path, ["neg", "pos"] * 4)
    copy(tmp_path, "im/0.png", "im/2.png")  # same label and domain
    copy(tmp_path, "im/1.png", "im/5.png")
    same_group = [[*row[:3], "p1" if row[3] == "p5" else row[3]] for row in rows]
    write_manifest(tmp_path, [HEAD, *same_group])
    (said,) = closing(tmp_path)
    assert said.startswith("2 images are equal to one of another group: training")
    same_group[2][2] = "B"
    write_manifest(tmp_path, [HEAD, *same_group])
    (said,) = closing(tmp_path)
    assert said.startswith("2 images are equal to one of another group (2 one of another domain): training")


def test_three_equal_images_are_counted_by_pairs(tmp_path):
    make_set(tmp_path, ["neg", "pos"] * 4)
    copy(tmp_path, "im/0.png", "im/2.png", "im/3.png", "im/5.png")
    assert "4 pairs of equal images" in closing(tmp_path)[0]


def test_constant_images_are_no_copies(tmp_path):
    make_set(tmp_path, ["neg", "pos"] * 4)
    for n in range(4):
        Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(tmp_path / f"im/{n}.png")
    assert closing(tmp_path) == [
        "4 images are constant, all pixels of each the same: im/0.png, im/1.png, im/2.png, ..."
    ]


def test_different_images_are_no_note(tmp_path):
    make_set(tmp_path, ["neg", "pos"] * 4)
    assert closing(tmp_path) == []
