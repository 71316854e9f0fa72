"""Targets that would have no test images are named together, with what to type instead."""

from __future__ import annotations

import re
import shlex

import pytest
from helpers.images.made_up_data import sites

from medshift.benchmark.protocols import splits
from medshift.benchmark.protocols.plan import Choices, plan
from medshift.benchmark.protocols.remarks import site_remarks
from medshift.benchmark.protocols.untested import require_adaptation
from medshift.shifts.errors import MedshiftError


def refusal(dataset, **choices):
    with pytest.raises(MedshiftError) as error:
        plan(dataset, Choices(shifts=("gamma",), severities=(3,), **choices))
    (line,) = str(error.value).splitlines()
    return line


def test_all_sites_of_one_patient_are_named_at_once_and_what_is_pasted_runs():
    few = {f"S, {number:02d}": 1 for number in range(1, 8)}
    many = {f"S, {number:02d}": 6 for number in range(8, 20)}
    dataset = sites({"S, 00": 20, **few, **many})
    line = refusal(dataset, source="S, 00")
    assert line.startswith(
        "7 of 19 targets cannot be tested: S, 01, S, 02, S, 03, S, 04, S, 05, S, 06, S, 07 (1 group:"
    )
    (pasted,) = shlex.split(line.partition("--targets ")[2])
    protocol, _ = plan(dataset, Choices(source="S, 00", targets=(pasted,), shifts=("gamma",)))
    assert set(protocol.targets) == set(many)


def test_when_all_patients_are_shared_the_overlap_and_the_option_are_named():
    line = refusal(sites({"A": 60, "B": 60, "C": 20}, group="{number}"), source="A")
    assert "B (all 60 groups are shared with the source A and count as the same patients)" in line
    assert "C (all 20 groups are shared" in line
    assert "--groups-per-domain" in line
    assert "--targets" not in line  # nothing would be left


def test_sites_that_the_given_column_does_not_test_are_named_with_both_ways_on():
    words = {"A": ("train", "val", "test"), "B": ("train", "val", "val"), "C": ("train", "test", "test")}
    line = refusal(sites(dict.fromkeys("ABC", 12), split=lambda site, number: words[site][number // 4]), source="A")
    assert "B (no images that the column `split` calls test)" in line
    assert re.search("--targets C; or --ignore-split", line)


def test_the_only_target_with_one_patient_is_refused_in_words():
    line = refusal(sites({"A": 20, "B": 1}), source="A")
    assert line == (
        "1 of 1 target cannot be tested: B (1 group: 2 are needed, to adapt to and to test): keep none to adapt to "
        "with --no-adapt"
    )


@pytest.mark.parametrize("given", [False, True], ids=["split here", "given"])
def test_where_nothing_is_adapted_to_all_patients_of_targets_are_tested(given):
    words = {"A": ("train", "train", "val", "test"), "B": ("train",), "C": ("val", "test")}
    own = {"split": lambda site, number: words[site][number % len(words[site])]} if given else {}
    dataset = sites({"A": 20, "B": 1, "C": 7}, label=lambda site, number: number // 4 % 2, **own)
    _, table = plan(dataset, Choices(source="A", shifts=("gamma",), adapt=False))
    of_targets = table[table["domain"] != "A"]
    assert len(of_targets) == 2 * 8
    assert set(of_targets["split"]) == {"test"}
    kept, _ = plan(dataset, Choices(source="A", targets=("C",), shifts=("gamma",)))
    tested, _ = plan(dataset, Choices(source="A", targets=("C",), shifts=("gamma",), adapt=False))
    assert kept.name != tested.name
    line = refusal(dataset, source="A", targets=("C",), adapt=False, confound=0.5, confound_with="C")
    assert line == "--confound trains on images that are kept to adapt to: leave out --no-adapt"


def test_classes_are_named_where_a_domain_cannot_be_split():
    classes = ("effusion", "hernia", "mass")
    dataset = sites({"A": 20, "B": 20}, classes, label=lambda site, number: min(number % 20, 2))
    line = refusal(dataset, source="A")
    assert "domain 'A' cannot be split by group: class `effusion` has 1 group, class `hernia` has 1 group; 3 of" in line
    assert line.endswith("3 of every class are needed: a source needs 5 groups, 3 of every class")
    lacking = sites({"A": 20, "B": 20}, classes, label=lambda site, number: number % (2 if site == "A" else 3))
    with pytest.raises(MedshiftError, match="train split of source 'A' lacks class `mass`"):
        splits.split(lacking.table, "A", ("B",), classes)


def test_a_method_that_adapts_is_refused_where_nothing_is_kept_to_adapt_to():
    protocol, table = plan(sites({"A": 20, "B": 4}), Choices(source="A", shifts=("gamma",), adapt=False))
    with pytest.raises(MedshiftError, match=r"^dann sees target-unlabelled, and .* made without --no-adapt"):
        require_adaptation("dann", "target-unlabelled", protocol, table)
    require_adaptation("scratch", "source", protocol, table)


def test_one_patient_alone_takes_the_interval_from_the_means_and_that_is_told():
    dataset = sites({"A": 20, "B": 1, "C": 12})
    protocol, table = plan(dataset, Choices(source="A", shifts=("gamma",), adapt=False))
    assert any("neither B nor the means over sites have an interval" in line for line in site_remarks(protocol, table))
