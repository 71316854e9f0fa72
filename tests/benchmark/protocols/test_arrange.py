"""The class to find is the one that the user names, and groups named alike are whose they say, in every order."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from helpers.images.made_up_data import sites

from medshift.benchmark.datasets import registry
from medshift.benchmark.protocols import data, show
from medshift.benchmark.protocols.arrange import arrange, arrange_like
from medshift.benchmark.protocols.folder import read_protocol, write_protocol
from medshift.benchmark.protocols.plan import Choices, plan
from medshift.benchmark.protocols.truth import truth_of
from medshift.benchmark.scoring.scores import score
from medshift.shifts.errors import MedshiftError

GAMMA = Choices(source="A", shifts=("gamma",), severities=(3,))
ORDERS = [("abnormal", "normal"), ("normal", "abnormal")]


def patients(classes):
    """Make sixty patients per site, of whom every other one is `normal`, from the first on."""
    normal = classes.index("normal")
    return sites({"A": 60, "B": 60}, classes, label=lambda site, number: normal if number % 2 == 0 else 1 - normal)


def detected(protocol, table):
    """Predict `abnormal` with sensitivity .9 and specificity .6."""
    found, made = protocol.dataset.classes.index("abnormal"), {}
    for condition in protocol.conditions():
        rows = truth_of(table, condition)
        array = np.zeros((len(rows), 2), np.float32)
        for place, (name, label) in enumerate(zip(rows["sample_id"], rows["label"], strict=True)):
            chance = np.random.default_rng([ord(letter) for letter in condition.key + name]).random()
            sure = (0.8 if chance < 0.9 else 0.2) if label == found else (0.2 if chance < 0.6 else 0.8)
            array[place, found], array[place, 1 - found] = sure, 1 - sure
        made[condition.key] = array
    return made


@pytest.mark.parametrize("classes", ORDERS)
def test_a_detector_has_the_same_sensitivity_whatever_the_order_of_the_classes(classes):
    protocol, table = plan(patients(classes), dataclasses.replace(GAMMA, positive="abnormal"))
    scored = score(protocol, table, detected(protocol, table), 0, metrics=("sensitivity", "specificity"))
    assert protocol.positive == "abnormal"
    assert "positive: abnormal" in "\n".join(show.lines(protocol, table))
    clean = {name: found.value for name, found in scored.aggregates["clean"].items()}
    assert clean == {"sensitivity": pytest.approx(0.917, abs=5e-4), "specificity": pytest.approx(0.583, abs=5e-4)}


@pytest.mark.parametrize("classes", ORDERS)
def test_a_protocol_with_a_chosen_positive_class_finds_its_data_again(classes, tmp_path, monkeypatch):
    stored = patients(classes)
    protocol, table = plan(stored, dataclasses.replace(GAMMA, positive="abnormal"))
    write_protocol(protocol, table, tmp_path)
    monkeypatch.setattr(registry, "names", lambda: ["made-up"])
    monkeypatch.setattr(registry, "load_dataset", lambda name, progress: stored)
    found, _, rows = data.adopt(tmp_path)
    assert found.classes == protocol.dataset.classes == ("normal", "abnormal")
    assert (found.table["label"].to_numpy()[rows["row"]] == rows["label"]).all()
    names = [stored.classes[label] for label in stored.table["label"]]
    assert [found.classes[label] for label in found.table["label"]] == names


def test_another_positive_class_is_another_protocol_and_the_usual_one_is_the_same():
    stored = patients(("normal", "abnormal"))
    (usual, _), (same, _), (other, _) = (
        plan(stored, dataclasses.replace(GAMMA, positive=name)) for name in ("", "abnormal", "normal")
    )
    assert same == usual
    assert other.name != usual.name


@pytest.mark.parametrize(
    ("classes", "positive", "message"),
    [
        (("normal", "abnormal"), "abnormel", "--positive: no class 'abnormel'. Did you mean 'abnormal'"),
        (("a", "b", "c"), "b", "--positive is for two classes, and 'made-up' has 3.*--classes"),
    ],
)
def test_what_cannot_be_the_positive_class_is_refused(classes, positive, message):
    with pytest.raises(MedshiftError, match=message):
        plan(sites({"A": 30, "B": 30}, classes), Choices(positive=positive))


def test_groups_per_domain_tell_patients_of_two_sites_apart_and_the_protocol_finds_its_data_again(
    tmp_path, monkeypatch
):
    stored = sites({"A": 20, "B": 30}, group="{number}")
    protocol, table = plan(stored, Choices(source="A", shifts=("gamma",), groups_per_domain=True))
    assert not (table["split"] == "unused").any()
    assert set(table["group"]) == {f"A/{number}" for number in range(20)} | {f"B/{number}" for number in range(30)}
    write_protocol(protocol, table, tmp_path)
    monkeypatch.setattr(registry, "names", lambda: ["made-up"])
    monkeypatch.setattr(registry, "load_dataset", lambda name, progress: stored)
    found, _, rows = data.adopt(tmp_path)
    assert (found.table["group"].to_numpy()[rows["row"]] == rows["group"]).all()
    moved = dataclasses.replace(stored, table=stored.table.assign(group=np.roll(stored.table["group"], 2)))
    monkeypatch.setattr(registry, "load_dataset", lambda name, progress: moved)
    with pytest.raises(MedshiftError, match="group differs for 100 samples"):
        data.adopt(tmp_path)


def test_choices_that_change_nothing_leave_the_data_and_the_protocol_as_they_are():
    stored = sites({"A": 20, "B": 20})
    choices = Choices(positive="pos", groups_per_domain=True, ignore_split=True)
    assert arrange(stored, choices) is stored
    (usual, table), (same, _) = plan(stored, Choices()), plan(stored, choices)
    assert same == usual
    assert arrange_like(stored, usual, table) is stored
    assert "positive" not in json.loads(usual.text())


def test_a_protocol_keeps_its_place_in_the_data_when_the_classes_are_reordered(tmp_path):
    stored = patients(("abnormal", "normal"))
    protocol, table = plan(stored, dataclasses.replace(GAMMA, positive="abnormal"))
    arranged = arrange_like(stored, protocol, table)
    assert arranged.pixels is stored.pixels
    pd.testing.assert_series_equal(arranged.table["sample_id"], stored.table["sample_id"])
    write_protocol(protocol, table, tmp_path)
    assert read_protocol(tmp_path)[0].dataset.classes == arranged.classes
