"""Names that look alike, columns of one name, folders of splits, and lists of findings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.images.image_folders import edit, folder
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.labels.spellings import means_missing, uncertain
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
    assert "domain 'B' and 'b' look alike, and count as 2 sites: write them alike if they are one" in made.notes
    assert any(
        note.startswith("1 groups are written in ways that differ in case, leading zeros") for note in made.notes
    )


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


def test_folders_of_splits_are_no_sites(tmp_path):
    for split in ("train", "Test"):
        for label in ("no", "yes"):
            (tmp_path / "in" / split / label).mkdir(parents=True)
            Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(tmp_path / "in" / split / label / "0.png")
    with pytest.raises(MedshiftError, match=r"the folders Test, train of .* are splits, not sites"):
        add("set", tmp_path / "in", Options())


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_lists_of_findings_are_several_findings(tmp_path, form):
    where = small(tmp_path / "in")
    table = pd.read_csv(where / "manifest.csv")
    found = [["Mass", "Effusion"] if number % 2 else ["No"] for number in range(len(table))]
    if form == "csv":
        table.assign(label=list(map(str, found))).to_csv(where / "manifest.csv", index=False)
    else:
        (where / "manifest.csv").unlink()
        table.assign(label=found).to_parquet(where / "manifest.parquet")
    made = add("set", where, Options(label_contains="Mass"))
    assert made.classes == ("no Mass", "Mass")
    assert made.table["label"].tolist() == [number % 2 for number in range(len(table))]


def test_groups_that_a_split_parts_are_counted():
    table = pd.DataFrame({"domain": list("aaab"), "group": ["p", "p", "q", "p"]})
    assert straddling(table) == 0
    assert straddling(table.assign(split=["train", "Training", "test", "test"])) == 0
    assert straddling(table.assign(split=["train", "test", "test", "test"])) == 1
