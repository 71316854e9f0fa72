"""Labels as other programs write them: decimal commas, words for missing ones, lists."""

from __future__ import annotations

import csv

import pytest
from helpers.images.image_folders import HEAD, make_set
from helpers.importing import complaints, labels_of, opened


def written(where, labels, delimiter=";"):
    """Make a set of these labels, its manifest with another separator."""
    rows = make_set(where, labels)
    with (where / "manifest.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([HEAD, *rows])
    return where


@pytest.mark.parametrize("labels", [["0,0", "1,0"] * 3, ["0", "1,0", "0,00", "1", "0.0", "1,"]])
def test_whole_numbers_with_a_decimal_comma_are_numbers_where_it_parts_no_cells(tmp_path, labels):
    found = opened(written(tmp_path, labels))
    assert labels_of(found) == ["0", "1"] * 3


def test_minus_one_with_a_decimal_comma_is_uncertain(tmp_path):
    (said,) = complaints(written(tmp_path, ["0,0", "1,0", "-1,0"] * 3))[1:]
    assert said.startswith("line 4: label `-1` of 3 images: uncertain or missing?")
    assert opened(tmp_path, drop_labels=("-1,0",)).classes == ("0", "1")


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_commas_part_findings_where_they_are_no_decimal_marks(tmp_path, delimiter):
    (said,) = complaints(written(tmp_path, ["0", "1", "0,1"] * 3, delimiter))[1:]
    assert "hold several labels parted by `,`" in said


def test_cells_that_hold_a_finding_within_other_words_are_named_as_they_count_as_without(tmp_path):
    cells = ["Mass", "Effusion/Mass", "mass (left)", "Effusion", "Nodule;Mass", "Mass?", "no Mass", "Massive"]
    found = opened(written(tmp_path, cells, ","), label_contains="Mass")
    assert labels_of(found) == ["Mass" if cell in ("Mass", "Nodule;Mass") else "no Mass" for cell in cells]
    (said,) = (note for note in found.notes if "hold the word" in note)
    assert said == (
        "these hold the word Mass and count as `no Mass`: `Effusion/Mass` (1), `mass (left)` (1), `Mass?` (1); if they "
        "are it, part them by | or write them alike"
    )
