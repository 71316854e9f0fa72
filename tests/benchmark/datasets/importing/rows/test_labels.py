"""Labels: missing ones are never a class, one class has one spelling, and a cell may hold several findings."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest
from helpers.images.image_folders import HEAD, make_set, pictures, write_manifest
from helpers.importing import complaints, labels_of, opened

from medshift.benchmark.datasets.manifest import read_manifest

NFC, NFD = (unicodedata.normalize(form, "Ödem") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    "missing", ["NA", "N/A", "n/a", "nan", "NaN", "None", "null", "NULL", "?", "-", "--", "#N/A", "<NA>", "NaT"]
)
def test_a_missing_label_is_refused_in_one_line_and_dropped_or_named_as_a_class(tmp_path, missing):
    labels = ["neg", "pos", missing] * 3
    make_set(tmp_path, labels)
    (said,) = complaints(tmp_path)[1:]
    assert said.startswith(f"line 4: label `{missing}` of 3 images: missing? --drop-label ")
    dropped = opened(tmp_path, drop_labels=(missing,))
    assert (dropped.classes, len(dropped.table)) == (("neg", "pos"), 6)
    assert f"left out 3 images with label `{missing}` (--drop-label)" in dropped.notes
    named = opened(tmp_path, classes=(f"neg,pos,{missing}",))
    assert (named.classes, labels_of(named)) == (("neg", "pos", missing), labels)


def test_empty_labels_are_told_in_one_line_and_can_be_dropped(tmp_path):
    make_set(tmp_path, ["neg", "pos", "", "neg", "pos", " "] * 3)
    (said,) = complaints(tmp_path)[1:]
    assert said == "6 lines, the first line 4: empty label (--drop-label '' leaves these images out)"
    assert len(opened(tmp_path, drop_labels=("",)).table) == 12


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["Mild", "None"], ("Mild", "None")),
        (["some", "none"], ("none", "some")),
        (["known", "unknown"], ("known", "unknown")),
        (["+", "-"], ("+", "-")),
        (["-1", "1"], ("-1", "1")),
        (["HER2", "HER2-"], ("HER2", "HER2-")),
        (["neg, mild", "pos"], ("neg, mild", "pos")),
        (["Pneumonia, viral", "Pneumonia, bacterial"], ("Pneumonia, bacterial", "Pneumonia, viral")),
        (["healthy|normal", "sick"], ("healthy|normal", "sick")),
        (["0.0", "1.0"], ("0", "1")),
        (["0", "1.0", "0.0", "1"], ("0", "1")),
        (["1.", "2."], ("1", "2")),
        (["1.0", "1.5"], ("1", "1.5")),
        (["v1.0", "v2.0"], ("v1.0", "v2.0")),
        (["0", "1", "1.0", "unclear"], ("0", "1", "unclear")),
        (["1.0", "2.0", "2.1b"], ("1.0", "2.0", "2.1b")),
        (["0.05", "0.5"], ("0.05", "0.5")),
        (["A001", "A01"], ("A001", "A01")),
        (["True", "False"], ("False", "True")),
        (["yes", "no"], ("no", "yes")),
        (["0", "1", "no", "other"], ("0", "1", "no", "other")),
        (["N", "V", "F", "0"], ("0", "F", "N", "V")),
        ([NFC, NFD, "x", "x"], ("x", NFC)),
    ],
)
def test_labels_that_are_classes_without_doubt(tmp_path, labels, classes):
    make_set(tmp_path, labels * 3)
    found = opened(tmp_path)
    assert found.classes == classes
    assert len(set(labels_of(found))) == len(classes)


def test_a_word_that_may_mean_missing_is_a_class_with_a_note(tmp_path):
    make_set(tmp_path, ["unknown", "a", "b"] * 2)
    found = opened(tmp_path)
    assert found.classes == ("a", "b", "unknown")
    note = "label `unknown` of 2 images is a class; if it means missing, --drop-label unknown leaves them out"
    assert note in found.notes


@pytest.mark.parametrize("labels", [["0", "1", "-1"], ["0.0", "1.0", "-1.0"]])
def test_minus_one_beside_zero_and_one_is_uncertain(tmp_path, labels):
    make_set(tmp_path, labels * 2)
    (said,) = complaints(tmp_path)[1:]
    assert said.startswith("line 4: label `-1` of 2 images: uncertain or missing? --drop-label -1 leaves them out")
    for typed in ("-1", "-1.0"):
        assert opened(tmp_path, drop_labels=(typed,)).classes == ("0", "1")
    assert opened(tmp_path, classes=("1.0,0.0",)).classes == ("1", "0")


def test_nulls_of_parquet_are_empty_labels_and_whole_numbers_stay_whole(tmp_path):
    table = pd.DataFrame(make_set(tmp_path, ["0", "1", "0"] * 3), columns=list(HEAD))
    table["label"] = pd.array([0, 1, None] * 3, dtype="Int64")
    (tmp_path / "manifest.csv").unlink()
    for kind in ("Int64", "Float64", "float64", "boolean"):
        table.assign(label=table["label"].astype(kind)).to_parquet(tmp_path / "manifest.parquet")
        assert complaints(tmp_path)[1:] == ["line 3: empty label (--drop-label '' leaves these images out)"] + [
            f"line {line}: empty label (--drop-label '' leaves these images out)" for line in (6, 9)
        ]
        classes = ("False", "True") if kind == "boolean" else ("0", "1")
        assert opened(tmp_path, drop_labels=("",)).classes == classes


@pytest.mark.parametrize(
    ("first", "second", "how"),
    [
        ("Pneumonia", "pneumonia", "case"),
        ("ground glass", "ground  glass", "spaces, - or _"),
        ("ground-glass", "Ground_glass", "spaces, - or _"),
        ("sick", "sick\u200b", "characters that look alike or have no width"),
        ("grade1", "grade１", "characters that look alike or have no width"),
        (NFC, NFD.lower(), "case"),
        ("1", "01", "leading zeros, decimals or sign of a number"),
        ("0.5", "0.50", "leading zeros, decimals or sign of a number"),
    ],
)
def test_spellings_of_one_class_are_refused_at_once(tmp_path, first, second, how):
    make_set(tmp_path, [first, second, "no", "no"] * 2)
    (said,) = complaints(tmp_path)[1:]
    assert said.startswith("classes `")
    assert "(2 images: A)" in said
    assert "(2 images: B)" in said
    assert f"differ in {how} only: write them alike" in said
    both = tuple(unicodedata.normalize("NFC", name) for name in (first, second))
    assert opened(tmp_path, classes=both).classes == both


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        (["0", "1", "False", "True"], ["`0` (2 images) and `False`", "`1` (2 images) and `True`"]),
        (["yes", "no", "Y", "N"], ["`N` (2 images) and `no`", "`Y` (2 images) and `yes`"]),
        (["0", "1", "yes"], ["`1` (2 images) and `yes`"]),
        (["0.0", "1.0", "no", "yes"], ["`0.0` (2 images) and `no`", "`1.0` (2 images) and `yes`"]),
        (["0", "1", "2", "FALSE", "TRUE"], ["`0` (2 images) and `FALSE`", "`1` (2 images) and `TRUE`"]),
    ],
)
def test_words_for_yes_and_no_are_one_class_each(tmp_path, labels, groups):
    make_set(tmp_path, labels * 2)
    said = [line.replace(": A, B)", ")").replace(": A)", ")").replace(": B)", ")") for line in complaints(tmp_path)[1:]]
    how = (
        "(2 images) are two words for yes, or for no: write them alike; if both are meant as classes, name them in "
        "--classes"
    )
    assert said == [f"classes {group} {how}" for group in groups]
    assert len(opened(tmp_path, classes=tuple(labels)).classes) == len(labels)


def test_spellings_are_found_in_folders_too(tmp_path):
    pictures(tmp_path, [f"{d}/{c}/{n}.png" for d, c in ("AX", "BX", "Ax", "Bx") for n in range(2)])
    assert complaints(tmp_path)[1].startswith(
        "classes `X` (4 images: A, B) and `x` (4 images: A, B) differ in case only"
    )


FINDINGS = ["Effusion", "Effusion|Mass", "Mass", "No Finding", "Mass|Pleural_Thickening", "No Finding"]


@pytest.mark.parametrize("separator", ["|", ";", ",", ", "])
def test_cells_with_several_findings_are_refused_with_a_way_on(tmp_path, separator):
    labels = [label.replace("Pleural_Thickening", "Effusion").replace("|", separator) for label in FINDINGS]
    make_set(tmp_path, labels)
    said = complaints(tmp_path)[1]
    assert said.startswith(f"cells of 'label' hold several labels parted by `{separator.strip()}` (2 images, the first")
    assert "pick one label with --label-contains" in said


def test_a_finding_makes_two_classes_by_exact_parts(tmp_path):
    make_set(tmp_path, [*FINDINGS, "Pseudo-Effusion", "Mass"])
    found = opened(tmp_path, label_contains="Effusion")
    assert found.classes == ("no Effusion", "Effusion")
    assert found.table["label"].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert complaints(tmp_path, label_contains="Efusion") == [
        "--label-contains: no cell holds 'Efusion'. Did you mean 'Effusion' or 'Pseudo-Effusion'?"
    ]
    assert read_manifest(tmp_path, label_contains="Effusion", group_column="split_group").classes == found.classes


def test_another_spelling_of_a_finding_is_not_its_absence(tmp_path):
    make_set(tmp_path, ["Mass|Effusion", "No Finding", "mass|Edema", "MASS"] * 2)
    assert complaints(tmp_path, label_contains="Mass")[1:] == [
        "cells hold `MASS` (2 images: B) and `Mass` (2 images: A) and `mass` (2 images: A) differ in case only: write "
        "them alike"
    ]
    assert opened(tmp_path, label_contains="Effusion").classes == ("no Effusion", "Effusion")


def test_a_missing_label_does_not_become_the_class_without_a_finding(tmp_path):
    make_set(tmp_path, [*FINDINGS, "NA", "?"])
    assert [line.partition(":")[0] for line in complaints(tmp_path, label_contains="Mass")[1:]] == ["line 8", "line 9"]
    assert len(opened(tmp_path, label_contains="Mass", drop_labels=("NA,?",)).table) == 6


@pytest.mark.parametrize("typed", [("neg, mild", "pos"), ('"neg, mild",pos',), ("neg, mild", "neg, mild", "pos")])
def test_classes_may_hold_commas(tmp_path, typed):
    make_set(tmp_path, ["pos", "neg, mild", "other"] * 2)
    found = opened(tmp_path, classes=typed)
    assert found.classes == ("neg, mild", "pos")
    assert "left out 2 images with other labels than --classes: `other` (2)" in found.notes


def test_classes_of_folders_may_hold_commas_and_are_left_out(tmp_path):
    pictures(tmp_path, [f"{c}/{n}.png" for c in ("pos", "neg, mild", "NA") for n in range(2)])
    assert opened(tmp_path, classes=('"neg, mild",pos',)).classes == ("neg, mild", "pos")
    assert opened(tmp_path, drop_labels=("NA",)).classes == ("neg, mild", "pos")
    assert complaints(tmp_path, classes=("pos", "neg")) == ["unknown label 'neg'. Did you mean 'neg, mild'?"]


@pytest.mark.parametrize("column", ["domain", "split_group"])
def test_a_missing_domain_or_group_is_told(tmp_path, column):
    rows = make_set(tmp_path, ["neg", "pos"] * 3)
    at = HEAD.index(column)
    write_manifest(
        tmp_path, [HEAD, *([*row[:at], "nan" if n < 2 else row[at], *row[at + 1 :]] for n, row in enumerate(rows))]
    )
    (told,) = [note for note in opened(tmp_path).notes if note.startswith(f"{column} `nan` of 2 images")]
    assert told.endswith("missing?")
