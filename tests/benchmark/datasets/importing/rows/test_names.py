"""Names of files as other systems write them, and links: read where there is no doubt, else told in one line."""

from __future__ import annotations

import os
import unicodedata

import pytest
from helpers.images.image_folders import make_set, pictures, write_manifest
from helpers.importing import complaints, opened

LABELS = ("neg", "neg", "pos", "pos") * 2
NFC, NFD = (unicodedata.normalize(form, "im/Ä.png") for form in ("NFC", "NFD"))


def renamed(where, change):
    """Write other names into the manifest."""
    rows = make_set(where, LABELS)
    write_manifest(where, [["image", "label", "domain", "split_group"], *([change(row[0]), *row[1:]] for row in rows)])
    return where


def moved(where, target, ending=""):
    """Move all images out of the folder, and put links in their places."""
    make_set(where / "set", LABELS)
    (where / "blobs").mkdir()
    for number, path in enumerate(sorted((where / "set/im").iterdir())):
        path.rename(where / "blobs" / f"{number}{ending}")
        path.symlink_to(target.format(number))
    return where / "set"


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda name: name.replace("/", "\\"), "8 paths with backslashes are read with `/`"),
        (lambda name: ".\\" + name.replace("/", "\\"), "8 paths with backslashes are read with `/`"),
        (lambda name: name.removesuffix(".png"), "8 paths lack the ending of their files, e.g. 'im/0'"),
    ],
)
def test_a_path_that_leaves_no_doubt_is_read_with_one_note(tmp_path, change, note):
    found = opened(renamed(tmp_path, change))
    assert [os.path.normpath(name) for name in found.table["sample_id"]] == [f"im/{index}.png" for index in range(8)]
    assert [text for text in found.notes if "paths" in text] == [note]


@pytest.mark.parametrize(("stored", "listed"), [(NFC, NFD), (NFD, NFC)])
def test_a_name_in_another_unicode_form_is_found(tmp_path, stored, listed):
    rows = make_set(tmp_path, LABELS)
    (tmp_path / "im/0.png").rename(tmp_path / stored)
    write_manifest(tmp_path, [["image", "label", "domain", "split_group"], [listed, *rows[0][1:]], *rows[1:]])
    found = opened(tmp_path)
    assert found.table["sample_id"][0] == stored
    assert "1 paths name their files in another Unicode form (NFC, NFD)" in found.notes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (str.upper, "IM/0.PNG: no such file"),
        (lambda name: name.replace("png", "PNG"), "im/0.PNG: no such file; did you mean 'im/0.png'?"),
        (lambda name: name.replace("png", "dcm"), "im/0.dcm: no such file; did you mean 'im/0.png'?"),
        (lambda name: name.replace("im/", ""), "0.png: no such file; did you mean 'im/0.png'?"),
        (lambda name: name.replace("im/", "zeros/"), "zeros/0.png: no such file; did you mean 'zeros/000.png'?"),
        (
            lambda name: "C:\\data\\set\\" + name.replace("/", "\\"),
            "0.png: an absolute path: make it relative to the folder",
        ),
        (
            lambda name: f"/home/me/set/{name}",
            "leads out of the folder: make absolute paths relative to the folder; 'im/0.png'",
        ),
        (
            lambda name: f"https://host/{name}",
            "https://host/im/0.png: an address, not a path: download the files first",
        ),
        (lambda name: f"../{name}", "../im/0.png: leads out of the folder"),
    ],
)
def test_other_paths_are_told_in_one_line_with_a_hint(tmp_path, change, message):
    pictures(tmp_path, [f"zeros/00{n}.png" for n in range(8)])
    head, *said = complaints(renamed(tmp_path, change))
    assert head.endswith("8 problems:")
    assert len(said) == 1
    assert said[0].startswith("8 files, the first line 2: ")
    assert message in said[0]


def test_three_problems_of_a_kind_are_listed_and_others_stay_apart(tmp_path):
    make_set(tmp_path, LABELS * 2)
    for index in range(3):
        (tmp_path / f"im/{index}.png").unlink()
    (tmp_path / "im/3.png").write_bytes(b"")
    expected = [f"line {index + 2}: im/{index}.png: no such file" for index in range(3)]
    assert complaints(tmp_path)[1:] == [*expected, "line 5: im/3.png: an empty file"]
    (tmp_path / "im/4.png").unlink()
    assert complaints(tmp_path)[1:] == [
        "4 files, the first line 2: im/0.png: no such file",
        "line 5: im/3.png: an empty file",
    ]


def test_classes_of_one_image_each_are_told_in_one_line(tmp_path):
    pictures(tmp_path, [f"PAT{n}/0.png" for n in range(16)])
    said = (
        "16 folders with one image each ('PAT0' to 'PAT9'): patients? The class comes from --label-column, the keyword "
        "of a DICOM tag, or from a manifest"
    )
    assert complaints(tmp_path)[1:] == [said]


def test_links_out_of_the_folder_are_read_when_asked_for(tmp_path):
    where = moved(tmp_path, "../../blobs/{}")
    assert complaints(where)[1:] == [
        "8 files, the first line 2: im/0.png: a link that leads out of the folder (--follow-links reads it, `cp -rL` "
        "copies what it leads to)"
    ]
    assert len(opened(where, follow_links=True).table) == 8
    write_manifest(
        where, [["image", "label", "domain", "split_group"], *([f"../blobs/{n}", "x", "A", "g"] for n in "01")]
    )
    assert "../blobs/0: leads out of the folder" in complaints(where, follow_links=True)[1]


def test_two_links_to_one_blob_are_two_images(tmp_path):
    where = moved(tmp_path, "../../blobs/0")
    assert len(opened(where, follow_links=True).table) == 8


@pytest.mark.parametrize("follow_links", [False, True])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("../../gone/{}", "no such file: a link to what is not there"),
        ("../.git/annex/objects/{}", "no such file: its content is not fetched (git annex get)"),
        ("../../.git/annex/objects/{}", "no such file: its content is not fetched (git annex get)"),
    ],
)
def test_a_link_to_nowhere_is_told_with_what_fetches_it(tmp_path, target, message, follow_links):
    where = moved(tmp_path, target)
    (said,) = complaints(where, follow_links=follow_links)[1:]
    assert said.startswith(f"8 files, the first line 2: im/0.png: {message}")
    (where / "manifest.csv").unlink()
    pictures(where, [f"{label}/{index}.png" for label in ("neg", "pos") for index in range(2)])
    (where / "im").rename(where / "other")
    (said,) = complaints(where, follow_links=follow_links)[1:]
    assert said.startswith(f"8 files, the first other/0.png: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "a Git LFS pointer, not the file itself",
        ),
        (b"/annex/objects/SHA256E-s1--0.png\n", "a git-annex pointer, not the file itself (git annex get)"),
        (None, "im/0.png: no such file, only a DVC pointer beside it (dvc pull)"),
    ],
)
def test_a_text_of_version_control_in_place_of_an_image_is_told(tmp_path, text, message):
    make_set(tmp_path, LABELS)
    for index in range(8):
        path = tmp_path / f"im/{index}.png"
        path.write_bytes(text or b"")
        if text is None:
            path.rename(f"{path}.dvc")
    said = complaints(tmp_path)[1:]
    assert message in said[0]
    assert len(said) == 1


def test_linked_folders_of_a_tree_are_read_once_when_asked_for(tmp_path):
    pictures(tmp_path, [f"out/{label}/{index}.png" for label in ("neg", "pos") for index in range(2)])
    tree = tmp_path / "in"
    pictures(tree, ["A/neg/0.png", "A/pos/1.png"])
    (tree / "B").symlink_to(tmp_path / "out")
    (tree / "C").symlink_to(tmp_path / "out")  # the same once more
    (tree / "A/loop").symlink_to(tree)
    (tmp_path / "out/back").symlink_to(tree / "A")
    assert (
        complaints(tree)[3]
        == "A/loop is a link to a folder: bring in the folder itself, or read it with --follow-links"
    )
    found = opened(tree, follow_links=True)
    assert found.table["sample_id"].tolist() == [
        *("A/neg/0.png", "A/pos/1.png", "B/neg/0.png", "B/neg/1.png", "B/pos/0.png", "B/pos/1.png"),
    ]
