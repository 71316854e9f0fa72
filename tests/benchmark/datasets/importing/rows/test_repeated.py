"""Images that are listed several times: merged where the rows agree and it is asked for, else told in one line."""

from __future__ import annotations

from helpers.images.image_folders import HEAD, make_set, write_manifest
from helpers.importing import complaints, labels_of, opened

LABELS = ["neg", "pos"] * 4


def repeated(where, *changes):
    """List all images twice, with another value in the column of each change (image, column, value)."""
    rows = make_set(where, LABELS)
    again = [list(row) for row in rows]
    for image, column, value in changes:
        again[image][HEAD.index(column)] = value
    box = [[*row, str(n)] for n, row in enumerate([*rows, *again])]
    write_manifest(where, [[*HEAD, "box"], *box])
    return where


def test_rows_that_agree_are_merged_when_asked_for(tmp_path):
    assert complaints(repeated(tmp_path))[1:] == [
        "8 files, the first line 10: im/0.png: listed twice, first in line 2, with the same values (--merge-rows keeps "
        "one row)"
    ]
    found = opened(tmp_path, merge_rows=True)
    assert labels_of(found) == LABELS
    assert found.table["box"].tolist() == [str(n) for n in range(8)]
    assert "merged 8 rows that list an image again (--merge-rows)" in found.notes


def test_rows_that_contradict_are_never_merged_in_silence(tmp_path):
    repeated(tmp_path, (0, "label", "pos"), (2, "label", "pos"), (5, "domain", "C"), (6, "split_group", "other"))
    said = complaints(tmp_path, merge_rows=True)[1:]
    assert said == [
        "line 10: im/0.png: listed with label `neg` and `pos`, in lines 2, 10: correct the table",
        "line 12: im/2.png: listed with label `neg` and `pos`, in lines 4, 12: correct the table",
        "line 15: im/5.png: listed with domain `B` and `C`, in lines 7, 15: correct the table",
        "line 16: im/6.png: listed with split group `other` and `p6`, in lines 8, 16: correct the table",
    ]
    assert [line for line in complaints(tmp_path)[1:] if "listed with" in line] == said
    assert sum("listed twice" in line for line in complaints(tmp_path)) == 1  # of the four that agree


def test_many_contradictions_are_one_line_a_kind(tmp_path):
    changes = [(n, "label", "pos" if LABELS[n] == "neg" else "neg") for n in range(8)]
    (said,) = complaints(repeated(tmp_path, *changes))[1:]
    assert said.startswith("8 files, the first line 10: im/0.png: listed with label `neg` and `pos`, in lines 2, 10")


def test_a_row_per_finding_is_merged_for_one_finding(tmp_path):
    repeated(tmp_path, (0, "label", "pos"))
    assert "--merge-rows takes an image as having it if one row has" in complaints(tmp_path, label_contains="pos")[1]
    found = opened(tmp_path, label_contains="pos", merge_rows=True)
    assert labels_of(found) == ["pos", *({"neg": "no pos"}.get(label, label) for label in LABELS[1:])]


def test_an_image_that_loses_one_of_its_rows_is_told_and_must_not_differ_in_anything_else(tmp_path):
    repeated(tmp_path, (0, "label", "unsure"), (3, "label", "unsure"))
    for options in ({"classes": ("neg", "pos")}, {"drop_labels": ("unsure",)}):
        found = opened(tmp_path, merge_rows=True, **options)
        assert labels_of(found) == LABELS
        (said,) = (note for note in found.notes if "some rows are left out" in note)
        assert said.startswith(f"of 2 images some rows are left out by --{next(iter(options)).split('_')[0]}")
        assert "(the first: im/0.png)" in said
        assert any(note.startswith("left out 2 rows with") for note in found.notes)
    with (tmp_path / "manifest.csv").open("a") as file:
        file.write("im/1.png,unsure,elsewhere,p1,99\n")
    said = complaints(tmp_path, merge_rows=True, classes=("neg", "pos"))[1:]
    assert said == ["line 18: im/1.png: listed with several of domain, one of them left out by --classes"]
