"""Predictions as spreadsheets, libraries and vendors write them are understood where there is no doubt."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medshift.benchmark.exchange import ingest
from medshift.benchmark.exchange.column_order import order_warning
from medshift.benchmark.exchange.ingest import Claim
from medshift.benchmark.exchange.probabilities import understand
from medshift.benchmark.submissions import predictions
from medshift.shifts.errors import MedshiftError


@pytest.fixture(scope="module")
def contest(fabricate):
    """A protocol, its truth, a table of valid predictions, and their probabilities by condition."""
    rows = fabricate.table(groups=3, per_group=2, targets=("site-b",))
    terms = fabricate.terms(rows, targets=("site-b",), shifts={"gamma": "contrast"}, severities=(3,))
    arrays = {key: np.round(array, 2) for key, array in fabricate.outputs(terms, rows).items()}
    arrays = {key: np.stack([1 - array[:, 1], array[:, 1]], axis=1) for key, array in arrays.items()}
    table = pd.concat(
        pd.DataFrame({"condition": key, "sample_id": ids, "p0": values[:, 0].round(2), "p1": values[:, 1].round(2)})
        for key, (ids, values) in fabricate.parts(terms, rows, arrays).items()
    )
    return terms, rows, table.reset_index(drop=True), arrays


def read(contest, tmp_path, content, name="p.csv"):
    """Return the problems of a file, the notes on it, and the table of what was understood."""
    terms, rows, table, _ = contest
    path, into, notes = tmp_path / name, tmp_path / "into.parquet", []
    path.write_bytes(content)
    found = ingest.problems(path, terms, rows, into, notes)
    return found, notes, pd.read_parquet(into) if into.exists() else table.iloc[:0]


def same(contest, understood):
    """Whether what was understood are the predictions of the contest."""
    wanted = contest[2].sort_values(["condition", "sample_id"], ignore_index=True)
    assert understood[["condition", "sample_id"]].equals(wanted[["condition", "sample_id"]])
    assert np.abs(understood[["p0", "p1"]].to_numpy() - wanted[["p0", "p1"]].to_numpy()).max() < 1e-6


def text(table, **options):
    return table.to_csv(index=False, **options)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda t: text(t, sep=";", decimal=",").encode(), ["separated by semicolons", "decimal commas"]),
        (lambda t: text(t, sep=";").encode(), ["separated by semicolons"]),
        (lambda t: text(t, sep="\t").encode(), ["separated by tabs"]),
        (lambda t: ("sep=;\r\n" + text(t, sep=";", lineterminator="\r\n")).encode(), ["separated by semicolons"]),
        (lambda t: ("sep=;\n" + text(t, sep=";", decimal=",")).encode("utf-16"), ["UTF-16", "decimal commas"]),
        (lambda t: text(t, sep="\t").encode("utf-16-le"), ["UTF-16, separated by tabs"]),
        (lambda t: text(t).encode("utf-8-sig"), []),
        (lambda t: text(t, decimal=",").encode(), ["decimal commas"]),  # in quotes
        (lambda t: text(t).replace("\n", ",\n").replace("p1,", "p1").encode(), []),  # each line ends in a separator
        (lambda t: ("\nsep=;\n" + text(t, sep=";")).encode(), ["separated by semicolons"]),
        (lambda t: ("sep=\n" + text(t, sep="|")).encode(), ["separated by bars"]),
        (lambda t: ("\n" + text(t, sep=";")).encode(), ["separated by semicolons"]),
        (lambda t: t.to_csv().encode(), []),  # with the index of pandas
        (lambda t: text(t.rename(columns={"sample_id": "Sample ID", "p0": " P0"})).encode(), []),
        (lambda t: text(t.rename(columns={"p0": "class-0", "p1": "class-1"})).encode(), ["class-1 is p1"]),
        (lambda t: text(t.rename(columns={"p0": "p_Class-0", "p1": "prob class-1"})[::-1]).encode(), ["by name"]),
        (lambda t: text(t.rename(columns={"p0": "p(class-0)", "p1": "class-1_prob"}).iloc[:, ::-1]).encode(), []),
        (lambda t: text(t.drop(columns="p0")).encode(), ["p1 is taken as the probability of 'class-1'; p0 = 1 - p1"]),
        (lambda t: text(t.drop(columns="p0").rename(columns={"p1": "score"})).encode(), ["score is taken as"]),
        (lambda t: text(t.drop(columns="p1").rename(columns={"p0": "class-0"})).encode(), ["'class-0'; p1 = 1 - p0"]),
        (lambda t: text(t.assign(p0=100 * t["p0"], p1=100 * t["p1"])).encode(), ["percent were divided by 100"]),
        (lambda t: text(t.assign(p0=[f"{100 * p:.0f} %" for p in t["p0"]],
                                 p1=[f"{100 * p:.1f}%".replace(".", ",") for p in t["p1"]]), sep=";").encode(),
         ["percent were divided by 100", "decimal commas"]),
    ],
)  # fmt: skip
def test_a_table_in_another_dress_is_read_and_said(contest, tmp_path, write, says):
    found, notes, understood = read(contest, tmp_path, write(contest[2]))
    assert found == []
    same(contest, understood)
    for said in says:
        assert any(said in note for note in notes), notes


def test_a_table_as_documented_needs_no_note(contest, tmp_path):
    found, notes, understood = read(contest, tmp_path, text(contest[2]).encode())
    assert (found, notes) == ([], [])
    same(contest, understood)


@pytest.mark.parametrize(
    "change",
    [
        lambda i: i.rsplit("/", 1)[1],
        lambda i: i.removesuffix(".png"),
        lambda i: i.rsplit("/", 1)[1].removesuffix(".png"),
        lambda i: "C:\\data\\" + i.replace("/", "\\"),
        lambda i: str(int(i.rsplit("/", 1)[1].removesuffix(".png"))),  # a spreadsheet takes 0007 for a number
        lambda i: i.replace(".png", ".nii.gz"),
    ],
)
def test_ids_without_folder_or_ending_are_matched_within_their_condition(contest, tmp_path, change):
    found, notes, understood = read(
        contest, tmp_path, text(contest[2].assign(sample_id=contest[2]["sample_id"].map(change))).encode()
    )
    assert found == []
    same(contest, understood)
    assert any("18 sample ids matched" in note for note in notes), notes


def test_ids_that_may_be_several_samples_are_named_with_what_to_do(contest, tmp_path, fabricate):
    terms, rows, table, _ = contest
    extra = rows.copy()
    one = extra.index[(extra["domain"] == "site-b")]
    extra.loc[one[1], "sample_id"] = "elsewhere/0000.png"
    changed = table.assign(sample_id=table["sample_id"].str.replace("site-b/test/0001.png", "elsewhere/0000.png"))
    short = changed.assign(sample_id=changed["sample_id"].str.rsplit("/", n=1).str[1])
    found, _, _ = read((terms, extra, table, None), tmp_path, text(short).encode())
    assert any("may be 'site-b/test/0000.png' or 'elsewhere/0000.png': give the whole id" in each for each in found)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda t: text(t.assign(p0=4 * t["p0"] - 3, p1=9 * t["p1"] - 4)), "not probabilities: apply softmax first"),
        (lambda t: text(alone(t, 9 * t["p1"] - 4)), "look like logits, not probabilities: apply sigmoid first"),
        (lambda t: text(alone(t, 100 * t["p1"])), "look like percent: divide them by 100"),
        (lambda t: text(t.assign(p0=np.log(t["p0"]), p1=np.log(t["p1"]))), "logarithms of probabilities: apply exp"),
        (lambda t: text(t, decimal=",").replace('"', ""), "rows have more cells than its header"),
        (lambda t: text(t.assign(p0=0.9, p1=0.9)), "24 rows do not sum to 1"),
        (lambda t: text(blank(t)), "probabilities of 3 rows are not finite"),
    ],
)  # fmt: skip
def test_what_is_in_doubt_is_refused_with_one_line_that_says_what_to_do(contest, tmp_path, write, says):
    try:
        found, _, _ = read(contest, tmp_path, write(contest[2]).encode())
    except MedshiftError as error:
        found = [str(error)]
    assert len(found) == 1, found
    assert says in found[0]


def alone(table, score):
    return table[["condition", "sample_id"]].assign(score=score)


def blank(table):
    changed = table.astype({"p0": object, "p1": object})
    changed.loc[:2, "p0"] = ""
    changed.loc[:2, "p1"] = "n/a"
    return changed


@pytest.mark.parametrize(
    ("columns", "classes", "says"),
    [
        (
            "predicted confidence",
            "well sick",
            "the probability of 'sick' is enough, in a column sick or p1; a predicted",
        ),
        ("sick_negative sick_positive", "well sick", "the probability of 'sick' is enough, in a column sick or p1"),
        (
            "predicted confidence",
            "a b c",
            "a predicted label with its confidence is not enough: give the probability of",
        ),
        ("p0 p1 label", "well sick", ""),
    ],
)
def test_other_columns_than_probabilities_are_answered_with_those_that_would_do(columns, classes, says):
    table = pd.DataFrame({"condition": ["c"], "sample_id": ["s"], **{name: ["0.5"] for name in columns.split()}})
    _, found, _ = understand(table, classes.split())
    assert found[0].startswith("unexpected columns: ")
    assert says in found[-1]
    assert ("enough" in " ".join(found)) == bool(says)


def test_swapped_columns_are_warned_of_but_not_refused(contest, tmp_path, monkeypatch):
    terms, rows, table, _ = contest
    sure = table.assign(p1=table["sample_id"].map(rows.set_index("sample_id")["label"]) * 0.8 + 0.1)
    sure["p0"] = 1 - sure["p1"]
    swapped = sure.rename(columns={"p0": "p1", "p1": "p0"})
    for number, (each, warned) in enumerate(((sure, False), (swapped, True))):
        path = tmp_path / f"{number}.csv"
        each.to_csv(path, index=False)
        _, _, notes = ingest.submit(path, terms, rows, Claim(f"v{number}", "source"), {"gamma": "0" * 64}, tmp_path)
        wanted = (
            "AUROC on source validation is .00: are the columns swapped, or is the score that of the other class? p0 is"
        )
        assert any(wanted in note for note in notes) == warned


def test_the_same_fault_of_many_conditions_is_one_line(fabricate, tmp_path):
    rows = fabricate.table(groups=3)
    terms = fabricate.terms(rows)
    parts = fabricate.parts(terms, rows, fabricate.outputs(terms, rows))
    predictions.write({key: (ids[1:], values[1:]) for key, (ids, values) in parts.items()}, tmp_path / "p.parquet")
    (found,) = predictions.problems(tmp_path / "p.parquet", terms, rows)
    assert found.startswith("16 conditions lack samples; the first: condition 'site-a/val' lacks 1 sample, e.g. ")


def test_of_three_classes_two_swapped_columns_are_found(fabricate):
    rows = fabricate.table(groups=3, classes=3)
    terms = fabricate.terms(rows, classes=3)
    arrays = fabricate.outputs(terms, rows, skill=6)
    assert order_warning(terms, rows, predictions.Inspected([], arrays)) == []
    (warning,) = order_warning(
        terms, rows, predictions.Inspected([], {key: array[:, [0, 2, 1]] for key, array in arrays.items()})
    )
    assert "with the columns in another order 1.00" in warning or "in another order .9" in warning


def test_letters_of_windows_are_read_where_they_match_a_sample(contest, tmp_path):
    terms, rows, table, _ = contest
    named = {"sample_id": {"site-b/test/0000.png": "site-b/test/Müller.png"}}
    found, notes, understood = read(
        (terms, rows.replace(named), table, None), tmp_path, text(table.replace(named)).encode("cp1252")
    )
    assert found == []
    assert notes == ["it is not UTF-8: read as Windows-1252"]
    assert "site-b/test/Müller.png" in set(understood["sample_id"])


@pytest.mark.parametrize(
    ("name", "classes", "place"),
    [
        ("class_0", ("1", "0"), "p1"),
        ("class0", ("1", "0"), "p1"),
        ("class_0", ("no", "yes"), "p0"),
        ("p0", ("1", "0"), "p0"),
    ],
)
def test_a_class_that_is_a_number_is_meant_by_its_name(name, classes, place):
    table = pd.DataFrame({"condition": ["a"], "sample_id": ["b"], name: [0.25]})
    understood, _, _ = understand(table, classes)
    assert place in understood


@pytest.mark.parametrize(("classes", "clear"), [(("1", "2"), False), (("1", "0"), False), (("0", "1"), True)])
def test_a_probability_with_a_number_that_is_one_class_and_names_another_is_asked_about(classes, clear):
    table = pd.DataFrame({"condition": ["a"], "sample_id": ["b"], "prob_1": [0.25]})
    understood, found, _ = understand(table, classes)
    assert ("p1" in understood) == clear
    assert clear or found[0] == "unexpected columns: prob_1"


def test_a_table_that_is_not_there_is_named(contest, tmp_path):
    terms, rows, _, _ = contest
    with pytest.raises(MedshiftError, match=r"nope\.csv: no such file"):
        ingest.problems(tmp_path / "nope.csv", terms, rows, tmp_path / "into.parquet", [])


def test_a_workbook_is_told_how_to_become_a_table_whatever_its_name(contest, tmp_path):
    with pytest.raises(MedshiftError, match="is a workbook: save its sheet as CSV"):
        read(contest, tmp_path, b"PK\x03\x04 and so on")
