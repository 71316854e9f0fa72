"""Estimators of third parties are found by entry point; one that fails gives no estimate, and the others do."""

from __future__ import annotations

import math
import sys
import types
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from medshift.benchmark.estimation import registry
from medshift.benchmark.estimation.evidence import Estimate, Evidence
from medshift.benchmark.estimation.stored import estimate_sites
from medshift.benchmark.scoring.bootstrap import resampled_splits
from medshift.shifts import plugins
from medshift.shifts.errors import MedshiftError

seen: list[Evidence] = []


def looks(evidence):
    seen.append(evidence)
    return Estimate(0.7, 0.6, 0.8)


def fails(evidence):
    raise ZeroDivisionError("of nothing")


def returns_a_number(evidence):
    return 0.7


def leaves(evidence):
    raise SystemExit(0)


def sorts(evidence):
    evidence.probabilities.sort(axis=1)
    return Estimate(0.7)


def writes_labels(evidence):
    evidence.source.tested.labels[:] = 0
    return Estimate(0.7)


@pytest.fixture
def table(monkeypatch):
    module = types.ModuleType("acme_estimators")
    for function in (looks, fails, returns_a_number, leaves, sorts, writes_labels):
        setattr(module, function.__name__, function)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    points = [
        EntryPoint(name.replace("_", "-"), f"acme_estimators:{name}", "medshift.estimators")
        for name in ("looks", "fails", "returns_a_number", "absent")
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points if group == "medshift.estimators" else [])
    monkeypatch.setattr(registry, "TABLE", plugins.Table("medshift.estimators", "estimator", registry.BUILTINS))
    seen.clear()


def test_a_plug_in_estimates_beside_the_others_and_sees_no_label_of_the_site(table, fabricate):
    rows = fabricate.table(groups=20)
    protocol = fabricate.terms(rows)
    found = estimate_sites(protocol, resampled_splits(protocol, rows, 0), fabricate.outputs(protocol, rows))
    assert list(found) == list(protocol.targets)
    assert list(found["site-b"]) == [*registry.BUILTINS, "absent", "fails", "looks", "returns-a-number"]
    assert found["site-b"]["looks"] == Estimate(0.7, 0.6, 0.8)
    assert found["site-b"]["fails"].reason.endswith("failed: ZeroDivisionError: of nothing")
    assert "cannot be loaded" in found["site-b"]["absent"].reason
    assert "returned float, not Estimate" in found["site-b"]["returns-a-number"].reason
    assert all(one.given for name, one in found["site-b"].items() if name in registry.BUILTINS)
    assert [vars(each).keys() & {"labels", "truth"} for each in seen] == [set()] * len(protocol.targets)


def test_what_stands_for_refused_images_reaches_no_estimator(table, fabricate):
    rows = fabricate.table(groups=20)
    protocol = fabricate.terms(rows)
    given = (protocol, resampled_splits(protocol, rows, 0), fabricate.outputs(protocol, rows))
    found = estimate_sites(*given, refused={"site-b": 3})
    assert {one.reason.partition(",")[0] for one in found["site-b"].values()} == {"the model refused images of site-b"}
    assert not any(one.given for one in found["site-b"].values())
    assert found["site-c"]["looks"].given
    assert len(seen) == 1
    for key in [condition.key for condition in protocol.conditions() if condition.kind != "real"][:3]:
        at_source = estimate_sites(*given, names=["looks", "clean"], refused={key: 1})
        assert {one.reason.partition(",")[0] for by in at_source.values() for one in by.values()} == {
            "the model refused images of site-a"
        }
    assert len(seen) == 1


def test_an_unknown_estimator_is_named_with_those_that_are_near():
    with pytest.raises(MedshiftError, match=r"unknown estimator 'act'. Did you mean 'atc'"):
        registry.load_estimator("act")


def test_one_that_works_in_place_changes_neither_what_is_measured_nor_the_others(table, fabricate):
    rows = fabricate.table(groups=20)
    protocol = fabricate.terms(rows)
    splits, arrays = resampled_splits(protocol, rows, 0), fabricate.outputs(protocol, rows)
    before = {key: array.copy() for key, array in arrays.items()}
    for name in ("sorts", "writes_labels", "leaves"):
        registry.TABLE.plugins[name] = EntryPoint(name, f"acme_estimators:{name}", "medshift.estimators")
    alone = estimate_sites(protocol, splits, arrays, names=["clean"])
    found = estimate_sites(protocol, splits, arrays, names=["sorts", "writes_labels", "leaves", "clean"])
    for site, by in found.items():
        assert "sorts' of an unnamed distribution failed: ValueError: sort array is read-only" in by["sorts"].reason
        assert "failed: ValueError: assignment destination is read-only" in by["writes_labels"].reason
        assert "failed: SystemExit: 0" in by["leaves"].reason
        assert by["clean"] == alone[site]["clean"]
    assert all((arrays[key] == before[key]).all() and arrays[key].flags.writeable for key in arrays)


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (Estimate(1.7), "returned the value 1.7: balanced accuracy is 0..1"),
        (Estimate(0.5, 0.9, 0.2), "returned the interval 0.9..0.2 without 0.5"),
        (Estimate(0.5, 0.6, 0.7), "returned the interval 0.6..0.7 without 0.5"),
        (Estimate(None), "returned the value 'None': return a number"),
        (Estimate("0.9"), "returned the value '0.9'"),
        (Estimate(True), "returned the value 'True'"),
        (Estimate(0.5, high=math.inf), "returned the high 'inf'"),
    ],
)
def test_an_estimate_outside_its_contract_is_none(table, monkeypatch, returned, reason):
    monkeypatch.setattr(sys.modules["acme_estimators"], "looks", lambda evidence: returned)
    found = registry.estimate_all(None, ["looks"])["looks"]
    assert not found.given
    assert f"estimator 'looks' of an unnamed distribution {reason}" in found.reason


def test_any_kind_of_number_is_an_estimate(table, monkeypatch):
    made = Estimate(np.float32(0.5), low=np.float64(0.5))
    monkeypatch.setattr(sys.modules["acme_estimators"], "looks", lambda evidence: made)
    found = registry.estimate_all(None, ["looks"])["looks"]
    assert (found.value, found.low, type(found.value)) == (0.5, 0.5, float)
    assert math.isnan(found.high)
