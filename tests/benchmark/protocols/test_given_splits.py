"""Columns `split` of other schemes are understood where there is no doubt, and refused with the ways on elsewhere."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from helpers.images.made_up_data import sites

from medshift.benchmark.audit.counts import counts
from medshift.benchmark.datasets import split_names
from medshift.benchmark.protocols.arrange import arrange
from medshift.benchmark.protocols.plan import Choices, plan
from medshift.benchmark.protocols.remarks import remarks
from medshift.shifts.errors import MedshiftError

CHOICES = Choices(source="A", shifts=("gamma",), severities=(3,))


def given(*words, **others):
    """Make two sites whose patients are called these words by thirds, or others by site."""
    held = {"A": words, "B": words, **others}
    return sites({"A": 30, "B": 30}, split=lambda site, number: held[site][number // 10])


@pytest.mark.parametrize(
    "words",
    [
        ("train", "val", "test"),
        ("Train", "Val", "TEST"),
        ("training", "validation", "testing"),
        ("train", "valid", "test"),
        ("train", "dev", "test"),
        ("train", "validate", "test"),
    ],
)
def test_usual_words_are_understood_and_a_targets_train_and_val_are_adapted_to(words):
    dataset = given(*words)
    protocol, table = plan(dataset, CHOICES)
    number = table["sample_id"].str.extract(r"_(\d+)_")[0].astype(int) // 10
    source = table["domain"] == "A"
    assert (table["split"][source] == number[source].map(dict(enumerate(("train", "val", "test"))))).all()
    assert (table["split"][~source] == number[~source].map(dict(enumerate(("adapt", "adapt", "test"))))).all()
    (line,) = remarks(protocol, table, dataset)
    assert f"`{words[0]}`" in line
    assert "of targets as `adapt` (40 images)" in line
    assert "--ignore-split" in line


def test_a_column_in_medshifts_own_words_is_kept_without_a_remark():
    dataset = given("train", "val", "test", B=("adapt", "test", "unused"))
    protocol, table = plan(dataset, CHOICES)
    assert remarks(protocol, table, dataset) == []
    assert split_names.split_note(dataset.table) == ""


def test_a_patient_in_a_targets_train_and_test_still_leaks():
    dataset = given("train", "val", "test")
    dataset.table.loc[dataset.table["sample_id"] == "im/B_000_0.png", "split"] = "test"
    with pytest.raises(
        MedshiftError, match=r"a target's adaptation and a test split: B-0.*column `split`.*--ignore-split"
    ):
        plan(dataset, CHOICES)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fold1", "fold2", "fold3"), "holds `fold1`, `fold2`, `fold3` .*--ignore-split"),
        (("0", "1", "2"), "holds `0`, `1`, `2` .*--ignore-split"),
        (("train", "train", "test"), "the val split of source 'A' is empty.*column `split`.*--ignore-split"),
    ],
)
def test_what_cannot_serve_is_refused_with_the_way_on_and_runs_when_ignored(words, said):
    dataset = given(*words)
    with pytest.raises(MedshiftError, match=said):
        plan(dataset, CHOICES)
    choices = Choices(source="A", shifts=("gamma",), severities=(3,), ignore_split=True)
    protocol, table = plan(dataset, choices)
    plain = plan(sites({"A": 30, "B": 30}), CHOICES)[1]
    pd.testing.assert_series_equal(table["split"], plain["split"])
    assert remarks(protocol, table, arrange(dataset, choices)) == []


def test_a_column_that_is_not_called_split_to_the_letter_is_pointed_out():
    dataset = sites({"A": 30, "B": 30})
    words = [("train", "val", "test")[number % 3] for number in range(len(dataset.table))]
    for name, values, found in (
        ("Split", words, True),
        ("Split", ["left", "right"] * 60, False),
        ("fold", words, False),
    ):
        named = dataclasses.replace(dataset, table=dataset.table.assign(**{name: values}))
        protocol, table = plan(named, CHOICES)
        said = [
            f"column `{name}` is not used, and images are split by group: name it `split` for its splits to be kept"
        ]
        assert remarks(protocol, table, named) == said * found
        assert split_names.split_note(named.table) == "".join(said * found)


def test_the_audit_names_the_way_on_for_a_column_that_cannot_serve():
    found = counts(given("0", "1", "2"), "A")
    assert "holds `0`, `1`, `2`" in found.unsplit
    assert "--ignore-split" in found.unsplit


def test_ignoring_a_column_that_serves_is_another_protocol_with_a_folder_of_its_own():
    dataset = given("train", "val", "test")
    usual, _ = plan(dataset, Choices(source="A"))
    other, _ = plan(dataset, Choices(source="A", ignore_split=True))
    assert usual.name == "made-up-from-A"
    assert other.name.startswith("made-up-from-A-")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            ["0", "1"],
            "column `split` holds `0`, `1` (2 images): folds of a cross-validation; write train, val and test",
        ),
        (["Fold_1", "fold 2"], "folds of a cross-validation"),
        (["train", "held out"], "column `split` holds `held out` (1 image): none of its words"),
        (["Train", "DEV", "test", "unused"], ""),
    ],
)
def test_folds_and_unknown_words_are_told_when_the_data_are_added(values, said):
    found = split_names.unreadable(pd.Series(values))
    assert said in found
    assert bool(said) == bool(found) == ("--ignore-split" in found)


@pytest.mark.parametrize(
    ("sites_words", "said"),
    [
        ({"A": "train val test", "B": "train val test"}, "a target's train and val images count as adapt"),
        ({"A": "train test", "B": "train test"}, "no domain can be trained on (A lacks val, B lacks val)"),
        ({"A": "train val test", "B": "adapt"}, "B cannot be tested"),
        ({"A": "train val test", "B": "adapt test"}, ""),
    ],
)
def test_what_will_become_of_a_column_is_noted_when_the_data_are_added(sites_words, said):
    rows = [(site, word) for site, words in sites_words.items() for word in words.split()]
    found = split_names.split_note(pd.DataFrame(rows, columns=["domain", "split"]))
    assert said in found
    assert bool(said) == bool(found)
