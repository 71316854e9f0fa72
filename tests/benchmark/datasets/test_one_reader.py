"""`--data` and `data add` read a folder with one reader: the same data set, or the same refusal."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from helpers.images.image_folders import edit, folder
from PIL import Image

from medshift.benchmark.datasets import store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")

CSV = "manifest.csv"
FIRST = "images/a-000.png"


def small(where, **options) -> Path:
    return folder(where, domains={"a": 12, "b": 4}, **options)


def replace_images(where, make, ending="png"):
    """Replace the images of a folder by others, made from a generator seeded with their number."""
    for number, path in enumerate(sorted((where / "images").iterdir())):
        path.unlink()
        Image.fromarray(make(np.random.default_rng(number))).save(path.with_suffix(f".{ending}"))
    (where / CSV).write_text((where / CSV).read_text().replace(".png", f".{ending}"))
    return where


def oblong(where):
    return replace_images(
        small(where), lambda rng: rng.integers(0, 256, (*rng.integers(20, 60, 2), 3)).astype(np.uint8), "jpg"
    )


def deep(where):
    return replace_images(
        small(where), lambda rng: rng.integers(0, 65536, (*rng.integers(20, 60, 2),)).astype(np.uint16)
    )


def mixed(where):
    where = small(where)
    Image.fromarray(np.full((32, 40, 3), (10, 200, 30), dtype=np.uint8)).save(where / FIRST)
    return where


def with_columns(where):
    where = small(where)
    head, *lines = (where / CSV).read_text().splitlines()
    rows = [f"{line},test,{number},{number % 3}" for number, line in enumerate(lines)]
    (where / CSV).write_text("\n".join([f"{head},split,group,file", *rows]) + "\n")
    return where


def as_parquet(where):
    where = small(where)
    pd.read_csv(where / CSV).to_parquet(where / "manifest.parquet")
    (where / CSV).unlink()
    return where


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (small, {}),
        (lambda where: small(where, channels=3, side=40), {"image_size": 20}),
        (lambda where: small(where, side=200), {}),
        (lambda where: small(where, names=("x", "y", "z")), {"classes": ("z", "x"), "modality": "fundus"}),
        (oblong, {}),
        (deep, {"depth": 8}),
        (mixed, {"depth": 8}),
        (mixed, {"channels": 3}),
        (with_columns, {}),
        (as_parquet, {}),
    ],
)
def test_a_folder_is_the_same_data_set_by_both_ways(tmp_path, make, options):
    where = make(tmp_path / "set")
    given = {name: value for name, value in options.items() if name not in ("channels", "depth")}
    direct, stored = read_manifest(where, **given), add("stored", where, Options(**options))
    assert stored.pixels.dtype == direct.pixels.dtype == np.uint8
    assert np.array_equal(stored.pixels, direct.pixels)
    assert stored.table.equals(direct.table)  # labels, domains, groups, splits and all other columns
    for name in ("classes", "modality", "value_range", "notes"):
        assert getattr(stored, name) == getattr(direct, name)


def damage_images(where):
    whole = (where / FIRST).read_bytes()
    images = where / "images"
    (images / "a-001.png").write_bytes(whole[: len(whole) // 2])
    (images / "a-002.png").write_bytes(b"")
    (images / "a-003.png").write_text("not an image")
    (images / "a-004.png").unlink()
    Image.open(where / FIRST).save(images / "a-005.png", format="JPEG")
    Image.open(where / FIRST).save(images / "a-006.png", format="GIF")


def no_files(where):
    images = where / "images"
    for number in (1, 2, 3):
        (images / f"a-00{number}.png").unlink()
    os.mkfifo(images / "a-001.png")
    (images / "a-002.png").symlink_to("a-002.png")
    (images / "a-003.png").symlink_to("gone.png")


def link_out(where):
    (where.parent / "secret.png").write_bytes((where / FIRST).read_bytes())
    (where / FIRST).unlink()
    (where / FIRST).symlink_to(where.parent / "secret.png")


def two_pages(where):
    tifffile.imwrite(where / "images/pages.tif", np.zeros((2, 32, 32), dtype=np.uint8), photometric="minisblack")
    edit(where, FIRST, "images/pages.tif")


def signed(where):
    Image.fromarray(np.full((32, 32), 100, dtype=np.int32)).save(where / "images/signed.tif")
    edit(where, FIRST, "images/signed.tif")


def tiny(where):
    Image.fromarray(np.zeros((32, 7), dtype=np.uint8)).save(where / FIRST)


def second_manifest(where):
    pd.read_csv(where / CSV).to_parquet(where / "manifest.parquet")


DAMAGE = {
    "images": (
        damage_images,
        [
            "5 problems:",
            "line 3: images/a-001.png: cannot be decoded (image file is truncated",
            "line 4: images/a-002.png: an empty file",
            "line 5: images/a-003.png: not a PNG file by its content",
            "line 6: images/a-004.png: no such file",
            "line 8: images/a-006.png: a GIF file by its content, which is not read: save it as PNG",
        ],
    ),
    "no files": (
        no_files,
        [
            "line 3: images/a-001.png: not a file but a folder or device",
            "line 4: images/a-002.png: no such file",
            "line 5: images/a-003.png: no such file",
        ],
    ),
    "link": (link_out, [f"line 2: {FIRST}: a link that leads out of the folder"]),
    "pages": (two_pages, ["line 2: images/pages.tif: 2 pages"]),
    "signed": (signed, ["line 2: images/signed.tif: values are signed or 32-bit integers"]),
    "tiny": (tiny, ["line 2: images/a-000.png: 7 x 32 pixels; a side of 8 is needed"]),
    "two manifests": (second_manifest, ["holds manifest.csv and manifest.parquet"]),
    "missing column": (
        lambda where: edit(where, "label", "lable"),
        ["has no column 'label'; its columns are image, lable, domain, split_group, camera", "Did you mean 'lable'"],
    ),
    "domain": (lambda where: edit(where, "domain", "site"), ["has no column 'domain'", "site: a (12), b (4)"]),
    "empty": (lambda where: edit(where, "healthy,a,a-p0", "healthy,,"), ["line 2: empty domain", "empty split_group"]),
    "spaces": (lambda where: edit(where, "healthy,a", "healthy ,a"), ["line 2: label 'healthy ' has spaces around it"]),
    "twice": (
        lambda where: edit(where, "images/a-001.png", "images/../images/a-000.png"),
        ["line 3: images/../images/a-000.png: listed twice, first in line 2"],
    ),
    "outside": (lambda where: edit(where, FIRST, "../../etc/passwd"), ["line 2: ../../etc/passwd: leads out"]),
    "root": (lambda where: edit(where, FIRST, "/etc/passwd"), ["line 2: /etc/passwd: leads out of the folder"]),
    "blank line": (lambda where: edit(where, "images/a-001.png", "\nimages/x.png"), ["line 4: images/x.png: no such"]),
    "short line": (
        lambda where: edit(where, "healthy,a,a-p0,x\n", "healthy,a\n"),
        ["1 problem:", "line 2: empty split_group"],
    ),
    "lone class": (lambda where: edit(where, "healthy", "odd"), ["line 2: class 'odd' has one image"]),
    "one class": (
        lambda where: (where / CSV).write_text((where / CSV).read_text().replace("healthy", "sick")),
        ["every label is 'sick'; two classes are needed"],
    ),
    "not UTF-8": (lambda where: (where / CSV).write_bytes("image,label\n\xe9".encode("latin-1")), ["not UTF-8"]),
    "no rows": (lambda where: (where / CSV).write_text("image,label,domain,split_group\n"), ["lists no images"]),
    "nothing": (lambda where: (where / CSV).write_text(""), ["cannot be read as a table"]),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_folder_is_refused_with_the_same_words_by_both_ways(tmp_path, case):
    damage, expected = DAMAGE[case]
    where = small(tmp_path / "set")
    damage(where)
    with pytest.raises(MedshiftError) as direct:
        read_manifest(where)
    with pytest.raises(MedshiftError) as stored:
        add("stored", where, Options(group_column="split_group"))
    assert str(direct.value) == str(stored.value)
    assert [part for part in expected if part not in str(direct.value)] == []
    assert store.names() == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"classes": ("healthy", "sik")}, "unknown label 'sik'. Did you mean 'sick'"),
        ({"classes": ("sick",)}, "every label is 'sick'; two classes are needed"),
        ({"image_size": 4}, "--image-size must be 8 to 4096"),
        ({"modality": "xry"}, "unknown modality 'xry'. Did you mean 'xray'"),
    ],
)
def test_choices_are_refused_with_the_same_words_by_both_ways(tmp_path, given, message):
    where = small(tmp_path / "set")
    with pytest.raises(MedshiftError) as direct:
        read_manifest(where, **given)
    with pytest.raises(MedshiftError) as stored:
        add("stored", where, Options(**given))
    assert str(direct.value) == str(stored.value)
    assert message in str(direct.value)
