"""Which entries stand on one trained network, by what cards record."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from medshift.baselines.common.recipe import TimmRecipe
from medshift.benchmark.submissions.fields import BROUGHT
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.ranking.networks import joined_numbers, network_numbers, on_networks
from medshift.leaderboard.ranking.source_models import TRAINING


@pytest.fixture
def together(fabricate, tmp_path, monkeypatch):
    """Rank entries given as name -> (config, device of each seed, further claims); return the sets on one network."""
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))

    def found(entries):
        place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4), shifts={})
        for name, (config, devices, more) in entries.items():
            for seed, device in devices.items():
                fabricate.submission(place, made, rows, name, seed, device=device, config=config, **more)
        board = rank_entries(protocol_folders(tmp_path / "in")[0], 10, workers=1)
        assert board.refused == []
        numbers = network_numbers(board.rows)
        sets = {number: [] for number in numbers}
        for row, number in zip(board.rows, numbers, strict=True):
            sets[number].append(row.name)
        return sorted(map(sorted, sets.values()))

    return found


def test_methods_that_adapt_one_model_stand_on_one_network_if_any_seed_does(together):
    cpu, config = {0: "cpu", 1: "cpu"}, {"arch": "resnet18", "steps": 0}
    assert together(
        {
            "imagenet-finetune": (config, cpu, {}),
            "tent": ({**config, "test_lr": 0.1}, cpu, {}),  # the adaptation's own
            "tent+test_lr=0.2": ({**config, "test_lr": 0.2}, {1: "cpu"}, {}),
            "adabn": (config, {1: "cpu", 2: "cpu"}, {}),
            "sar": (config, {0: "cuda:0"}, {}),
            "lame": (config, {0: "cuda:1"}, {}),  # the same kind of device
            "t3a": ({**config, "steps": 500}, cpu, {}),
            "mixup": (config, cpu, {}),
        }
    ) == [["adabn", "imagenet-finetune", "tent", "tent+test_lr=0.2"], ["lame", "sar"], ["mixup"], ["t3a"]]


def test_an_entry_whose_card_does_not_say_stands_on_a_network_of_its_own(together):
    cpu = {0: "cpu"}
    mine = {"distribution": BROUGHT}
    assert together(
        {
            "tent": ({}, cpu, {}),
            "adabn": ({}, cpu, {}),
            "acme": ({"arch": "resnet18"}, cpu, {"distribution": "acme 1.0"}),
            "sar": ({"arch": "resnet18"}, cpu, {}),
            "file": ({"sha256": "a" * 64}, cpu, mine),
            "file+batch=2": ({"sha256": "a" * 64}, cpu, mine),
            "another": ({"sha256": "b" * 64}, cpu, mine),
            "named": ({"sha256": ""}, cpu, mine),
            "named+batch=2": ({"sha256": ""}, cpu, mine),
        }
    ) == [["acme"], ["adabn"], ["another"], ["file", "file+batch=2"], ["named"], ["named+batch=2"], ["sar"], ["tent"]]


def test_the_settings_of_a_training_are_those_of_the_recipe():
    assert set(TRAINING) == {field.name for field in dataclasses.fields(TimmRecipe)}


def test_sets_are_joined_along_chains_whatever_their_order():
    assert joined_numbers([{1}, {2}, {3}, {2, 3}, {4}, {5, 1}]).tolist() == [0, 1, 1, 1, 2, 0]
    assert joined_numbers([{3, 4}, {1, 2}, {2, 3}]).tolist() == [0, 0, 0]
    many = [{number, number + 1} for number in range(0, 5000)]
    assert not joined_numbers([many[at] for at in np.random.default_rng(0).permutation(len(many))]).any()
    assert joined_numbers([]).tolist() == []


def test_networks_are_counted_where_they_are_fewer_than_entries():
    assert [on_networks(*each) for each in ((3, 3), (3, 1), (9, 7))] == [
        "",
        " on 1 trained network",
        " on 7 trained networks",
    ]
