"""No group straddles, nothing is random, and what cannot be split is reported."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medshift.benchmark.datasets import registry
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.protocols import plan, splits
from medshift.benchmark.protocols.choices import Choices
from medshift.shifts.errors import MedshiftError


def table(seed: int, groups: int, per_group: int, domains: int, classes: int, shared: int = 0) -> pd.DataFrame:
    """Make a random table: patients, their images, and some patients that are in several domains."""
    rng = np.random.default_rng(seed)
    rows = []
    for domain in range(domains):
        for group in range(groups):
            name = f"p{group}" if group < shared else f"d{domain}-p{group}"
            for image in range(int(rng.integers(1, per_group + 1))):
                rows.append((f"d{domain}-{name}-{image}", (group + image) % classes, f"d{domain}", name))
    return pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group"])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    groups=st.integers(15, 40),
    per_group=st.integers(1, 4),
    domains=st.integers(1, 4),
    classes=st.integers(2, 4),
    shared=st.integers(0, 6),
)
def test_no_group_straddles(seed, groups, per_group, domains, classes, shared):
    rows = table(seed, groups, per_group, domains, classes, shared)
    targets = tuple(f"d{index}" for index in range(1, domains))
    made = splits.split(rows, "d0", targets)
    assert len(made) == len(rows)
    source = made[made["domain"] == "d0"]
    train = set(source.loc[source["split"] == "train", "group"])
    val = set(source.loc[source["split"] == "val", "group"])
    tested = set(made.loc[made["split"] == "test", "group"])
    adapted = set(made.loc[made["split"] == "adapt", "group"])
    assert not train & val
    assert not (train | val) & tested
    assert not adapted & tested
    assert not adapted & set(source["group"])
    shuffled = splits.split(rows, "d0", targets)
    pd.testing.assert_frame_equal(made, shuffled)


def test_shares_and_strata():
    made = splits.split(table(0, 100, 1, 2, 2), "d0", ("d1",))
    source = made[made["domain"] == "d0"]["split"].value_counts(normalize=True)
    assert source["train"] == pytest.approx(0.64, abs=0.03)
    assert source["test"] == pytest.approx(0.2, abs=0.03)
    for _, rows in made.groupby(["domain", "split"]):
        assert 0.4 < rows["label"].mean() < 0.6


def test_patients_of_source_and_target_are_left_out_of_the_target():
    made = splits.split(table(1, 20, 2, 2, 2, shared=5), "d0", ("d1",))
    target = made[made["domain"] == "d1"]
    assert set(target.loc[target["split"] == "unused", "group"]) == {f"p{index}" for index in range(5)}


def test_given_splits_are_checked_and_the_offender_is_named():
    rows = splits.split(table(2, 20, 2, 2, 2), "d0", ("d1",))
    splits.split(rows, "d0", ("d1",))
    trained = rows.index[(rows["domain"] == "d0") & (rows["split"] == "train")][0]
    tested = rows.index[(rows["domain"] == "d0") & (rows["split"] == "test")][0]
    rows.loc[tested, "group"] = rows.loc[trained, "group"]
    with pytest.raises(MedshiftError, match=f"source train and a test split: {rows.loc[trained, 'group']}"):
        splits.split(rows, "d0", ("d1",))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "fold1",
            "holds `fold1` for 1 image of the source 'd0', whose splits are train, val, test, unused.*--ignore-split",
        ),
        ("adapt", "holds `adapt` for 1 image of the source"),
    ],
)
def test_unknown_split_names(value, message):
    rows = splits.split(table(3, 20, 1, 2, 2), "d0", ("d1",))
    rows.loc[rows.index[rows["domain"] == "d0"][0], "split"] = value
    with pytest.raises(MedshiftError, match=message):
        splits.split(rows, "d0", ("d1",))


def patients(sizes: list[int], domain: str) -> pd.DataFrame:
    """Make a table of patients with so many images, of which every other one is of either class."""
    rows = [(f"{domain}{g}-{i}", i % 2, domain, f"{domain}{g}") for g, size in enumerate(sizes) for i in range(size)]
    return pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group"])


@pytest.mark.parametrize("large", [100, 400])
def test_a_patient_with_very_many_images_does_not_fill_a_test_split_alone(large):
    rows = pd.concat([patients([large] + [10] * 29, name) for name in "AB"], ignore_index=True)
    made = splits.split(rows, "A", ["B"])
    count = made.groupby(["domain", "split"])["group"].nunique()
    assert count["A", "test"] >= 5
    assert count["A", "val"] >= 4
    assert count["B", "test"] >= 15


@pytest.mark.parametrize("count", [5, 6, 7])
def test_five_patients_are_enough_for_a_source_as_the_advice_says(count):
    made = splits.split(
        pd.concat([patients([10] * count, "A"), patients([10] * 5, "B")], ignore_index=True), "A", ["B"]
    )
    groups = made[made["domain"] == "A"].groupby("split")["group"].nunique()
    assert groups["train"] >= 3
    assert groups.min() == groups["val"] == 1


def test_a_class_that_the_test_split_leaves_too_few_of_is_counted_so():
    rows = patients([10] * 6, "A")
    rows["label"] = (rows["group"] == "A0").astype(int)
    with pytest.raises(splits.TooFew, match=r"class `p` has 1 group besides its test split; 2 of every class"):
        splits.halves(rows, 2, 2, "A", ("n", "p"), beside=" besides its test split")


def test_a_target_of_single_images_one_of_each_class_is_split():
    rows = pd.concat([patients([10] * 20, "A"), patients([1, 1], "B")], ignore_index=True)
    rows.loc[rows["group"] == "B1", "label"] = 1
    made = splits.split(rows, "A", ["B"])
    assert set(made.loc[made["domain"] == "B", "split"]) == {"adapt", "test"}


def test_unknown_domain_and_too_few_groups():
    with pytest.raises(MedshiftError, match=r"unknown domain 'd9'.*d0"):
        splits.split(table(4, 20, 1, 2, 2), "d9", ("d1",))
    with pytest.raises(
        MedshiftError,
        match="cannot be split by group: 3 groups, 5 are needed: a source needs 5 groups, 3 of every class",
    ):
        splits.split(table(4, 3, 2, 2, 2), "d0", ("d1",))


def test_joined_tables_whose_rows_share_numbers_are_split_by_place_and_labels_are_whole():
    rows = pd.concat([patients([10] * 20, name) for name in "AB"]).astype({"label": float})
    made = Dataset("lungs", "1", ("n", "p"), "any", rows, np.zeros((len(rows), 1, 8, 8), dtype=np.uint8))
    split = splits.split(made.table, "A", ["B"])
    assert set(split.loc[split["domain"] == "B", "split"]) == {"adapt", "test"}
    assert made.table["label"].dtype.kind == "i"


def no_third_class(rows: pd.DataFrame, *domains: str) -> pd.DataFrame:
    return rows[~(rows["domain"].isin(domains) & rows["label"].eq(2))]


def test_what_mends_a_source_that_lacks_a_class_is_only_what_works():
    rows, classes = table(5, 20, 1, 3, 3), ("a", "b", "c")
    with pytest.raises(MedshiftError, match=r"lacks class `c`: choose another --source \(d1, d2\); or leave it out w"):
        splits.split(no_third_class(rows, "d0"), "d0", ("d1", "d2"), classes)
    with pytest.raises(MedshiftError, match=r"choose another --source \(d2\); or test only .* --targets d1; or leave"):
        splits.split(no_third_class(rows, "d0", "d1"), "d0", ("d1", "d2"), classes)
    two = table(5, 20, 1, 2, 2)
    two.loc[two["domain"].eq("d0"), "label"] = 0
    with pytest.raises(MedshiftError, match=r"lacks class `b`: choose another --source \(d1\)$"):  # not of one class
        splits.split(two, "d0", ("d1",), classes[:2])


@pytest.mark.parametrize(
    ("version", "installed", "way"),
    [
        ("local", False, "leave it out with --classes a,b$"),
        ("1", True, r"leave it out where the Dataset is made, in acme 1\.0$"),
        ("1", False, "leave it out and store the images again: medshift data add NAME DIR --classes a,b$"),
    ],
)
def test_a_class_is_left_out_by_options_only_where_images_are_read(version, installed, way, monkeypatch):
    rows = no_third_class(table(5, 20, 1, 2, 3), "d0").reset_index(drop=True)
    classes, pixels = ("a", "b", "c"), np.zeros((len(rows), 1, 8, 8), dtype=np.uint8)
    monkeypatch.setattr(registry.store, "names", lambda: ["lungs"])
    monkeypatch.setattr(registry.TABLE.__class__, "names", lambda self: ["lungs"] if installed else [])
    monkeypatch.setattr(registry.TABLE.__class__, "origin", lambda self, name: "acme 1.0")
    with pytest.raises(MedshiftError, match=way):
        plan.plan(Dataset("lungs", version, classes, "any", rows, pixels), Choices(source="d0", shifts=("gamma",)))
