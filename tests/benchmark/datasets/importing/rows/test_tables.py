"""Manifests as programs around the world write them: read where there is no doubt, else refused in one line."""

from __future__ import annotations

import csv
import datetime

import pandas as pd
import pyarrow
import pytest
from helpers.images.image_folders import HEAD, make_set, write_manifest
from helpers.importing import complaints, labels_of, opened
from pyarrow import parquet

LABELS = ("neg", "pos") * 3


def encoded(where, coding, **replaced):
    path = where / "manifest.csv"
    text = path.read_text(encoding="utf-8")
    for old, new in replaced.items():
        text = text.replace(old, new)
    path.write_bytes(text.encode(coding))


def lines(where, change):
    path = where / "manifest.csv"
    path.write_text("\n".join(change(path.read_text().splitlines())), newline="")


WRITTEN = {
    "plain": ({}, None, None),
    "semicolons": ({"delimiter": ";"}, None, "manifest.csv is separated by `;`"),
    "tabs": ({"delimiter": "\t"}, None, "manifest.csv is separated by tabs"),
    "bars": ({"delimiter": "|"}, None, "manifest.csv is separated by `|`"),
    "quotes": ({"quoting": csv.QUOTE_ALL}, None, None),
    "CRLF and empty rows": ({"lineterminator": "\r\n\r\n"}, None, None),
    "old Mac line ends": ({"lineterminator": "\r"}, None, None),
    "UTF-8 with BOM": ({}, lambda where: encoded(where, "utf-8-sig"), None),
    "UTF-16 with BOM": ({}, lambda where: encoded(where, "utf-16"), "manifest.csv is UTF-16"),
    "UTF-16 without": ({"delimiter": "\t"}, lambda where: encoded(where, "utf-16-be"), "manifest.csv is UTF-16"),
    "sep=": ({"delimiter": ";"}, lambda where: lines(where, lambda rows: ["sep=;", *rows]), "separated by `;`"),
    "sep=,": ({}, lambda where: lines(where, lambda rows: ["sep=,", *rows]), None),
    "separators at the end": ({}, lambda where: lines(where, lambda rows: [f"{row},,," for row in rows]), None),
    "ends in rows alone": ({}, lambda where: lines(where, lambda rows: [rows[0], *(r + "," for r in rows[1:])]), None),
    "rows of separators": ({}, lambda where: lines(where, lambda rows: [*rows, ",,,", ",,,,"]), None),
    "spaces behind commas": ({}, lambda where: lines(where, lambda rows: [r.replace(",", ", ") for r in rows]), None),
    "two BOMs": ({}, lambda where: encoded(where, "utf-8-sig", image="\ufeffimage"), "is read as 'image'"),
    "two tables": (
        {},
        lambda where: lines(where, lambda rows: [*rows[:3], "\ufeff" + rows[0], *rows[3:]]),
        "left out 1 rows",
    ),
    "capitals": ({}, lambda where: encoded(where, "utf-8", image="Image", label="LABEL"), "'LABEL' is read as 'label'"),
    "spaces in heads": ({}, lambda where: encoded(where, "utf-8", domain="domain "), None),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_the_same_table_in_any_form_is_the_same_set(tmp_path, form):
    options, change, note = WRITTEN[form]
    make_set(tmp_path, LABELS, **options)
    if change:
        change(tmp_path)
    found = opened(tmp_path)
    assert found.table.columns.tolist() == ["sample_id", "label", "domain", "group"]
    assert found.table["sample_id"].tolist() == [f"im/{index}.png" for index in range(6)]
    assert (labels_of(found), found.table["group"].tolist()) == (list(LABELS), [f"p{n}" for n in range(6)])
    told = [text for text in found.notes if "manifest" in text or "column" in text]
    assert any(note in text for text in told) if note else told == []


@pytest.mark.parametrize("name", ["manifest.tsv", "Manifest.CSV", "manifest.parquet"])
def test_a_manifest_of_another_ending_or_case_is_found_in_its_folder(tmp_path, name):
    make_set(tmp_path, LABELS, delimiter="\t")
    if name.endswith("parquet"):
        pd.read_csv(tmp_path / "manifest.csv", sep="\t").to_parquet(tmp_path / name)
        (tmp_path / "manifest.csv").unlink()
    else:
        (tmp_path / "manifest.csv").rename(tmp_path / name)
    assert labels_of(opened(tmp_path)) == list(LABELS)
    (tmp_path / name).rename(tmp_path / "list.txt")  # given by its path; its content tells Parquet
    assert labels_of(opened(tmp_path / "list.txt")) == list(LABELS)


def test_a_decimal_comma_stays_as_it_is_in_a_further_column(tmp_path):
    rows = make_set(tmp_path, LABELS)
    write_manifest(tmp_path, [[*HEAD, "age"], *([*row, "63,5"] for row in rows)], delimiter=";")
    assert opened(tmp_path).table["age"].tolist() == ["63,5"] * 6


def test_columns_of_one_name_are_numbered(tmp_path):
    rows = make_set(tmp_path, LABELS)
    write_manifest(tmp_path, [[*HEAD, "age", "age.1", "age"], *([*row, "1", "2", "3"] for row in rows)])
    assert opened(tmp_path).table.iloc[0, 4:].to_dict() == {"age": "1", "age.1": "2", "age.2": "3"}


def test_lines_are_counted_through_cells_with_line_breaks(tmp_path):
    rows = make_set(tmp_path, LABELS)
    write_manifest(
        tmp_path, [[*HEAD, "text"], *([*row, "two\nlines"] for row in rows[:5]), ["im/gone.png", *rows[5][1:]]]
    )
    assert complaints(tmp_path)[1:] == ["line 12: im/gone.png: no such file"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"image,label,domain,split_group\na.png,caf\xe9,y,z\n",
            "is not UTF-8 text (line 2): save it as UTF-8 (in Excel",
        ),
        (
            b"image;label;domain\na.png;x;y\nb.png;x;y;z\n",
            "line 3 has more cells than its header has columns: quote cells",
        ),
        (b'image,label,domain\n"a.png,x,y\nb.png,x,y\n', "a quote is not closed in the row of line 2"),
        (
            b'image,label,domain,notes\na.png,x,y,"5 mm nodule\nb.png,x,y,\nc.png,x,y,"6 mm nodule\n',
            "the row of line 2 goes on to line 4, and quotes elsewhere have text behind them: close its quote",
        ),
        (b"file;finding;site\na.png;x;y\n", "no column 'image' or 'label'; its columns are file, finding, site"),
        (
            b"a.png,neg,A,p\nb.png,pos,A,q\n",
            "the first line, a.png,neg,A,p, holds the name of a file: put the names of",
        ),
        (b"PK\x03\x04 and so on", "is a workbook: save its sheet as CSV"),
        (b"\xff\xfei", "damaged UTF-16"),
    ],
)
def test_what_cannot_be_read_without_doubt_is_refused_in_one_line(tmp_path, data, message):
    (tmp_path / "manifest.csv").write_bytes(data)
    (said,) = complaints(tmp_path)
    assert message in said


@pytest.mark.parametrize("name", ["manifest.xlsx", "cases.xlsx"])
def test_a_workbook_is_told_how_to_become_a_table(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    (said,) = complaints(tmp_path if name.startswith("manifest") else tmp_path / name)
    assert "is a workbook: save its sheet as" in said


def test_parquet_of_any_type_is_read_as_text(tmp_path):
    rows = make_set(tmp_path, ("1", "0", "1", "0"))
    table = pd.DataFrame(rows, columns=list(HEAD))
    table["label"] = table["label"].astype(float)
    table["domain"] = table["domain"].astype("category")
    table["day"] = [datetime.date(2020, 1, 1), None, None, None]
    table["boxes"] = [[1, 2], None, [], [3]]
    table["count"] = pd.array([1, None, 2, 3], dtype="Int64")
    table["nested"] = [{"a": 1}, None, {"a": 2}, None]
    table["thumbnail"] = [b"x"] * 4
    table.set_index("image").to_parquet(tmp_path / "manifest.parquet")
    (tmp_path / "manifest.csv").unlink()
    found = opened(tmp_path)
    assert (found.classes, labels_of(found)) == (("0", "1"), ["1", "0", "1", "0"])
    assert found.table["count"].tolist() == ["1", "", "2", "3"]
    assert found.table["day"].tolist() == ["2020-01-01", "", "", ""]
    assert "left out columns of bytes: thumbnail" in found.notes


@pytest.mark.parametrize("by_pandas", [False, True])
def test_whole_numbers_beside_nulls_keep_all_their_digits(tmp_path, by_pandas):
    table = pd.DataFrame(make_set(tmp_path, ["neg", "pos"] * 4 + ["NA"]), columns=list(HEAD))
    patients = [2**53 + number for number in range(8)]
    table["split_group"] = pd.array([*patients, None], dtype="Int64")
    table["domain"] = pd.array([1, 2] * 4 + [None], dtype="Int64")
    written = pyarrow.Table.from_pandas(table)
    parquet.write_table(written if by_pandas else written.replace_schema_metadata(), tmp_path / "manifest.parquet")
    (tmp_path / "manifest.csv").unlink()
    found = opened(tmp_path, drop_labels=("NA",)).table
    assert found["group"].tolist() == [*map(str, patients)]
    assert found["domain"].tolist() == ["1", "2"] * 4


def test_images_within_parquet_are_told_to_become_files(tmp_path):
    rows = [{"image": {"bytes": b"x", "path": "a.png"}, "label": 0, "domain": "A"}] * 2
    pd.DataFrame(rows).to_parquet(tmp_path / "manifest.parquet")
    (said,) = complaints(tmp_path)
    assert (
        "column 'image' holds the files themselves, not their paths, which is not supported: write each to a file"
        in said
    )


def test_findings_in_columns_of_their_own_are_offered(tmp_path):
    rows = make_set(tmp_path, LABELS)
    head = ["image", "Edema", "Mass", "domain", "split_group"]
    write_manifest(tmp_path, [head, *([r[0], str(n % 2), str(n // 2 % 2), *r[2:]] for n, r in enumerate(rows))])
    (said,) = complaints(tmp_path)
    assert "One column per finding? Edema, Mass hold 0 and 1: --label-column takes one of them" in said
    assert labels_of(opened(tmp_path, label_column="Edema")) == ["0", "1"] * 3
