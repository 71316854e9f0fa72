"""Names that look alike, columns of one name, and lists of findings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.images.image_folders import edit, folder
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.labels.look_alikes import groups_alike, sites_alike
from medshift.benchmark.datasets.importing.labels.spellings import means_missing, uncertain
from medshift.benchmark.datasets.importing.notes import GraveNote
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.split_names import straddling
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def small(where: Path) -> Path:
    return folder(where, {"a": 12, "b": 4})


@pytest.mark.parametrize("label", ["#NULL!", "#DIV/0!", ".", "(null)", "N.A", "???", "\N{EM DASH}", "NA_character_"])
def test_further_words_for_nothing_are_missing_labels(label):
    assert means_missing(label, ["no", "yes", label])


def test_codes_below_zero_are_missing_beside_zero_and_one_only():
    assert uncertain(["0", "1", "-9", "-99"]) == {"-9", "-99"}
    assert uncertain(["0", "1", "-9", "-8"]) == set()  # a scale
    assert uncertain(["-1", "1"]) == set()


def test_domains_and_groups_that_look_alike_are_told(tmp_path):
    where = edit(small(tmp_path / "in"), ",b,b-p0,", ",B,b-p00,")
    made = add("set", where, Options())
    assert made.domains == ["a", "b", "B"]
    assert "domains 'B' and 'b' look alike, and count as 2 sites: write them alike if they are one" in made.notes
    assert (
        "1 group is written in several ways (case, leading zeros, `.0`, spaces, `-` or `_`, invisible characters), and "
        "each way counts as another patient: write it in one way if they are one"
    ) in made.notes


@pytest.mark.parametrize(
    ("domains", "alike"),
    [
        (["1", "1.0", "01", "2"], "'01' and '1' and '1.0'"),
        (["GE", "Ge", "GE 2"], "'GE' and 'Ge'"),
        (["site-1", "site 01"], "'site 01' and 'site-1'"),
        (["0.05", "0.5", "1.05 T", "1.5 T"], ""),
        (["P1", "P-1"], "'P-1' and 'P1'"),
    ],
)
def test_sites_in_several_spellings_are_told(domains, alike):
    notes = sites_alike(domains)
    assert [note.partition(" look alike")[0] for note in notes] == [f"domains {alike}"] * bool(alike)
    assert all(isinstance(note, GraveNote) for note in notes)


@pytest.mark.parametrize(
    ("domains", "near"),
    [
        (["1.5", "1.494", "3"], "'1.494' and '1.5'"),
        (["1.5 T", "1.494 T"], "'1.494 T' and '1.5 T'"),
        (["1.494T", "1.5T", "3T"], "'1.494T' and '1.5T'"),
        (["1.494", "1.5 Tesla"], "'1.494' and '1.5 Tesla'"),
        (["2.993600", "3", "1.5"], "'2.993600' and '3'"),
        (["100", "101", "2.89", "3"], ""),
        (["2019.1", "2019.2", "100.1", "100.2", "0.1", "0.101"], ""),
        (["v1.0", "v1.01", "1.5", "3.0"], ""),
    ],
)
def test_fields_of_one_kind_of_scanner_are_told(domains, near):
    said = "differ by less than 2 %, and count as 2 sites: write one number if they are one kind of scanner"
    notes = sites_alike(domains)
    assert notes == [f"domains {near} {said}"] * bool(near)
    assert not any(isinstance(note, GraveNote) for note in notes)


@pytest.mark.parametrize(
    ("groups", "count"),
    [
        (["P-1", "P_1", "P 1", "P1"], 1),
        (["MRN 12", "MRN-12", "MRN12", "MRN_13"], 1),
        (["1-2", "1_2", "12"], 1),
        (["1-2", "12", "1-20", "P-1", "P-11", "P1-1"], 0),
        (["A1B", "A-1-B", "A-1B"], 1),
    ],
)
def test_patients_in_several_spellings_are_counted(groups, count):
    notes = groups_alike(groups)
    assert [note.partition(" group is written")[0] for note in notes] == [str(count)] * bool(count)


@pytest.mark.parametrize(
    ("rounded", "told"),
    [("1.23457E+11", True), ("1,23e+08", True), ("1E+11", True), ("E+11", False), ("1.0E+5", False), ("2.5e+3", False)],
)
def test_groups_that_a_spreadsheet_rounded_are_told(tmp_path, rounded, told):
    where = edit(small(tmp_path / "in"), ",b-p0", f',"{rounded}"')
    notes = add("set", where, Options()).notes
    said = f"groups such as '{rounded}' (1 image) were rounded by a spreadsheet, and may each stand for"
    assert any(note.startswith(said) for note in notes[:1]) == told


def test_a_group_as_a_column_of_floats_writes_it_is_told(tmp_path):
    where = small(tmp_path / "in")
    table = pd.read_csv(where / "manifest.csv")
    numbers = table["split_group"].str.extract(r"(\d+)$")[0].where(table.index % 2 == 0, lambda of: of + ".0")
    table.assign(split_group=table["domain"].map({"a": "1", "b": "2"}) + numbers).to_csv(where / "manifest.csv")
    told = [note for note in add("set", where, Options()).notes if "counts as another patient" in note]
    assert [note.partition(" (")[0] for note in told] == ["8 groups are written in several ways"]
    assert told[0].endswith("write each in one way if they are one")


def test_a_table_that_names_the_images_of_a_folder_is_told_of(tmp_path):
    for name in ("a/no", "a/yes", "b/no", "b/yes"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for number in range(2):
            pixels = np.random.default_rng(number).integers(0, 255, (9, 9), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "in" / name / f"scan-{number}.png")
    (tmp_path / "in" / "ages.csv").write_text("patient,age\n1,30\n")
    (tmp_path / "in" / "labels.csv").write_text("image,label\na/no/scan-0.png,yes\n")
    told = [note for note in add("set", tmp_path / "in", Options()).notes if "is not read" in note]
    assert [note.partition(" ")[0] for note in told] == ["labels.csv"]


def test_two_columns_of_one_name_are_refused_where_they_differ(tmp_path):
    where = small(tmp_path / "in")
    head, *lines = (where / "manifest.csv").read_text().splitlines()
    for number, other in enumerate(("{label}", "sick")):
        rows = [f"{line},{other.format(label=line.split(',')[1])}" for line in lines]
        (where / "manifest.csv").write_text("\n".join([f"{head},label", *rows]))
        if number:
            with pytest.raises(MedshiftError, match="2 columns are called 'label' and differ, first in line 2"):
                add("other", where, Options())
        else:
            assert add("set", where, Options()).classes == ("healthy", "sick")


def test_two_group_columns_of_one_name_are_refused_where_they_differ(tmp_path):
    where = small(tmp_path / "in")
    head, *lines = (where / "manifest.csv").read_text().splitlines()
    rows = [f"{line},{number},{number // 2}" for number, line in enumerate(lines)]
    (where / "manifest.csv").write_text("\n".join([f"{head},Patient,Patient", *rows]))
    with pytest.raises(MedshiftError, match="2 columns are called 'Patient' and differ, first in line"):
        add("set", where, Options(group_column="Patient"))


def test_absolute_paths_name_samples_as_relative_ones_do(tmp_path):
    where = small(tmp_path / "in")
    plain = add("plain", where, Options()).table["sample_id"].tolist()
    edit(where, "\nimages/", f"\n{where}/images/", count=-1)
    made = add("absolute", where, Options())
    assert made.table["sample_id"].tolist() == plain
    assert "16 absolute paths read relative to the folder" in made.notes


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_lists_of_findings_are_several_findings(tmp_path, form):
    where = small(tmp_path / "in")
    table = pd.read_csv(where / "manifest.csv")
    found = [["Mass", "Effusion"] if number % 2 else ["No"] if number % 4 else [] for number in range(len(table))]
    if form == "csv":
        table.assign(label=list(map(str, found))).to_csv(where / "manifest.csv", index=False)
    else:
        (where / "manifest.csv").unlink()
        table.assign(label=found).to_parquet(where / "manifest.parquet")
    with pytest.raises(MedshiftError, match="empty label"):
        add("set", where, Options())
    made = add("set", where, Options(label_contains="Mass"))
    assert made.classes == ("no Mass", "Mass")
    assert made.table["label"].tolist() == [number % 2 for number in range(len(table))]


def test_groups_that_a_split_parts_are_counted():
    table = pd.DataFrame({"domain": list("aaab"), "group": ["p", "p", "q", "p"]})
    assert straddling(table) == 0
    assert straddling(table.assign(split=["train", "Training", "test", "test"])) == 0
    assert straddling(table.assign(split=["train", "test", "test", "test"])) == 1
