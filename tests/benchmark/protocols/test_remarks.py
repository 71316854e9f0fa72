"""What is set aside, lacking or scarce is said before training, one line each, with names and numbers."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from helpers.images.made_up_data import sites

from medshift.benchmark.datasets.shared_groups import groups_per_domain, shared_groups_note
from medshift.benchmark.protocols.plan import Choices, plan
from medshift.benchmark.protocols.remarks import group_remarks, positive_hint, remarks, site_remarks


def said(dataset, **choices):
    protocol, table = plan(dataset, Choices(source="A", shifts=("gamma",), severities=(3,), **choices))
    return remarks(protocol, table, dataset)


def test_images_set_aside_for_shared_groups_are_counted():
    (line,) = said(sites({"A": 60, "B": 90}, group="{number}"))
    assert line == (
        "60 groups occur in both A and B and count as the same patients: 120 of 180 images of B are set aside (unused)"
        "; if each site numbers its patients by itself: --groups-per-domain"
    )
    line, *_ = said(sites({"A": 10, "B": 25, "C": 30}, group="{number}"))
    assert "10 groups occur in A and elsewhere (10 in both A and B, 10 in both A and C)" in line
    assert "20 of 50 images of B, 20 of 60 images of C are set aside" in line


def test_a_data_set_tells_its_shared_groups_before_a_source_is_chosen():
    note = shared_groups_note(sites({"A": 60, "B": 90}, group="{number}").table)
    assert note.startswith("60 groups occur in both A and B and count as the same patients: ")
    assert "training on A sets aside 120 of 180 images of B, training on B 120 of 120 of A" in note
    assert "--groups-per-domain" in note
    several = shared_groups_note(sites({"A": 2, "B": 3, "C": 4}, group="{number}").table)
    assert several.startswith(
        "3 groups occur in several domains (3 in both B and C, 2 in both A and B, 2 in both A and C)"
    )
    assert shared_groups_note(sites({"A": 2, "B": 3}).table) == ""


def test_groups_of_all_domains_are_renamed_or_of_none():
    table = pd.DataFrame({"domain": ["A", "A", "B"], "group": ["1", "2", "1"]})
    assert groups_per_domain(table)["group"].tolist() == ["A/1", "A/2", "B/1"]
    apart = groups_per_domain(table)
    assert groups_per_domain(apart) is apart


def test_sites_of_one_class_and_of_few_patients_are_named():
    mixed = sites({"A": 20, "B": 20, "C": 6}, label=lambda site, number: 1 if site == "B" else number % 2)
    assert said(mixed) == [
        "B: all test images are `pos`, so balanced accuracy and AUROC are undefined there and left out of the means",
        "few groups to test on: the source A (4 groups), C (3 groups). Such figures say little, and count like any "
        "other in means",
    ]


def test_a_source_of_few_patients_is_split_and_said_to_be_one():
    few = sites({"A": 5, "B": 20}, each=4, label=lambda site, number: number % 2)
    few.table["label"] = [number % 2 for number in range(len(few.table))]  # every patient has both classes
    assert said(few) == [
        "few groups to test on: the source A (1 group). Such figures say little, and count like any other in means",
        "one group alone shows no spread: the source A and drops from it have no interval",
        "few groups to validate on: 1 group of the source A. What is chosen on them (checkpoints, thresholds) is "
        "chosen for them",
    ]


def test_a_class_of_a_site_that_is_left_out_is_told_once_with_the_classes_to_keep():
    classes = ("a, mild", "b", "c")
    all_three = sites(dict.fromkeys("ABC", 24), classes, label=lambda site, number: number % (3 if site == "C" else 2))
    read = dataclasses.replace(all_three, version="local")  # from a folder
    assert said(read, targets=("B",)) == [
        "no image of the source or the targets is of `c`, so nothing learns or tests it: leave it out with --classes "
        "'\"a, mild\",b'"
    ]
    assert said(all_three, targets=("B",))[0].endswith("leave it out where the Dataset is made")


@pytest.mark.parametrize(
    ("site", "sizes", "line"),
    [
        ("B", [9, *[1] * 31], "B-large 22 % of B"),  # of 40 images
        ("A", [20, *[4] * 5], "A-large 50 % of A"),  # the source's test
        ("B", [8, *[1] * 32], ""),
        ("B", [8] * 5, ""),
        ("B", [30, 4, 3, 3], ""),  # few groups, which says more
        ("A", [34, 4, 2], "A-large 85 % of A"),  # but of the source it is said where one holds most
        ("A", [14, 13, 13], ""),
    ],
)
def test_one_group_with_over_a_fifth_of_a_test_split_is_named_with_its_share(site, sizes, line):
    protocol, table = plan(
        sites({"A": 100, "B": 40}), Choices(source="A", shifts=("gamma",), severities=(3,), targets=("B",))
    )
    mine = table.index[(table["domain"] == site) & (table["split"] == "test")]
    assert len(mine) == sum(sizes)
    names = [f"{site}-{number or 'large'}" for number, size in enumerate(sizes) for _ in range(size)]
    table.loc[mine, "group"] = names
    found = [one for one in site_remarks(protocol, table) if not one.startswith("few")]
    assert found == (
        [f"one group holds over 20 % of the test images: {line}. Intervals are too narrow there: figures rest on fewer "
         "groups than they count"] if line else []
    )  # fmt: skip


def test_sites_that_lack_other_classes_are_named_with_them():
    classes = ("effusion", "hernia", "mass")
    held = {"A": (0, 1, 2), "B": (0, 1), "C": (0, 2), "D": (0, 1)}
    dataset = sites(dict.fromkeys("ABCD", 30), classes, label=lambda site, n: held[site][n % len(held[site])])
    (line,) = said(dataset)
    assert line.startswith("sites hold different classes: B, D lack `mass`")
    assert "; C lacks `hernia`. " in line


def test_a_class_that_source_validation_or_test_lacks_is_named():
    words = ("train", "val", "test")
    dataset = sites(
        {"A": 30, "B": 30},
        split=lambda site, number: words[number // 10] if site == "A" else "test",
        label=lambda site, number: number % 2 if number < 10 or site == "B" else 0 if number < 20 else 1,
    )
    assert said(dataset) == [
        "the validation images of the source A lack `pos`",
        "the test images of the source A lack `neg`",
    ]


@pytest.mark.parametrize(
    ("classes", "hint"),
    [
        (
            ("abnormal", "normal"),
            "sensitivity is that of `normal`, the second class: --positive abnormal for the other",
        ),
        (("COVID", "Healthy"), "--positive COVID"),
        (("a finding", "no finding"), "--positive 'a finding'"),
        (("dr", "no_dr"), "--positive dr"),
        (("CT_COVID", "CT_NonCOVID"), "--positive CT_COVID"),
        (("Parasitized", "Uninfected"), "--positive Parasitized"),
        (("AD", "CN"), "--positive AD"),
        (("tumor", "notumor"), "--positive tumor"),
        (("normal", "abnormal"), ""),
        (("CT_NonCOVID", "CT_COVID"), ""),
        (("benign", "normal"), ""),
        (("0", "1"), ""),
        (("cat", "northern"), ""),
        (("a", "b", "normal"), ""),
    ],
)
def test_a_second_class_called_like_a_negative_one_is_hinted_at(classes, hint):
    protocol, _ = plan(sites({"A": 30, "B": 30}, classes), Choices(shifts=("gamma",)))
    found = positive_hint(protocol)
    assert hint in found
    assert bool(hint) == bool(found)


def test_a_table_whose_groups_are_single_images_says_what_that_hides():
    table = pd.DataFrame({"group": ["a", "b", "c"]})
    (line,) = group_remarks(table)
    assert line.startswith("each image is a group of its own: if some are of one patient")
    assert group_remarks(pd.DataFrame({"group": ["a", "b", "b"]})) == []
    assert group_remarks(table[:1]) == []
