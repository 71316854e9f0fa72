"""Importing pictures: manifests, folders, links, groups, and on to a finished run."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.cli import medshift
from helpers.images.image_folders import folder
from helpers.importing import refused
from PIL import Image

from medshift.benchmark.datasets import registry, store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.importing.rows.paths import ContainedPaths
from medshift.benchmark.datasets.shared_groups import shared_groups_note

pytestmark = pytest.mark.usefixtures("home")


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
    assert any("left out 1 file that is not an image" in note for note in made.notes)
    store.remove("set")
    grouped = add("set", tmp_path / "tree", Options(group_pattern=r"-(\d\d)\d"))
    assert sorted(grouped.table["group"].unique()) == ["00", "01"]
    assert "1 group occurs in both a and b" in shared_groups_note(grouped.table)
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
    assert any("a/loose.png: at depth 1" in line for line in refused(tmp_path / "tree", home))


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
        "no such file: a link to what is not there (fetch it, or copy its target)": lambda: odd.symlink_to("gone"),
        "no such file: a link to what is not there (fetch it, or copy its target) ": lambda: odd.symlink_to(odd),
    }
    for said, make in makers.items():
        make()
        if odd.suffix:
            assert refused(where, home)[1:] == [f"{form}: {said.strip()}"]
        else:
            assert any("left out 1 file that is not an image" in note for note in add("set", where, Options()).notes)
            store.remove("set")
        odd.unlink()
    (where / "loop").symlink_to(where)
    assert refused(where, home)[1:] == [
        "loop is a link to a folder: bring in the folder itself, or read it with --follow-links"
    ]


def test_a_pattern_goes_before_the_column_and_says_so(small):
    made = add("set", small, Options(group_pattern="[ab]-0"))
    assert set(made.table["group"]) == {"a-0", "b-0"}
    assert any("come from --group-pattern, not from the manifest" in note for note in made.notes)


@pytest.mark.slow
def test_a_stored_set_goes_to_a_finished_run_and_is_run_again(tmp_path, home):
    where = folder(tmp_path / "in", domains={"site-a": 40, "site-b": 12})
    add("mine", where, Options(modality="xray"))
    words = ["run", "--baseline", "scratch", "--dataset", "mine", "--source", "site-a", "--shifts", "gamma"]
    words += ["--severities", "3", "--set", "steps=4", "--out", str(tmp_path / "out")]
    done = medshift(*words)
    assert done.returncode == 0, done.stderr
    (card,) = (tmp_path / "out").rglob("card.json")
    said = registry.load_dataset("mine")
    assert f'"version": "{said.version}"' in card.read_text()
    done = medshift("verify", card.parent)
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


SHARED = Path(__file__).parents[5] / "shared" / "data"


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
