"""Seeds are paired where two entries stand on the same trained models, and other devices are told."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers.boards import page

from medshift.benchmark.contract.registry import BUILTINS
from medshift.benchmark.scoring.intervals import between_seeds
from medshift.leaderboard.analysis.devices import device_caveat
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.ranking.source_models import ADAPTED, model_sets, paired_variance, paired_variances
from medshift.leaderboard.report.markdown import markdown


@pytest.fixture
def ranked(fabricate, tmp_path, monkeypatch):
    """Rank entries given as name -> device of each seed."""
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))

    def rank(entries, **settings):
        place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=8), shifts={})
        for name, devices in entries.items():
            for seed, device in devices.items():
                config = {"arch": "resnet18"} | settings.get(name, {})
                fabricate.submission(place, made, rows, name, seed, device=device, config=config)
        return rank_entries(protocol_folders(tmp_path / "in")[0], 50, workers=1)

    return rank


def pairs(board):
    found = paired_variances(board.rows, board.ranked_figure, board.rank_by, 8)
    return {tuple(sorted(board.rows[index].name for index in pair)): spread for pair, spread in found.items()}


def test_the_baselines_that_stand_on_the_models_of_fine_tuning_are_those_that_call_for_them():
    def calls(name):
        found = find_spec(BUILTINS[name].target.partition(":")[0])  # read, not imported: that takes torch
        return "shared_model(" in Path(found.origin).read_text(encoding="utf-8")

    assert {name for name in BUILTINS if calls(name)} == ADAPTED


def test_seeds_are_paired_where_settings_seeds_and_devices_are_the_same(ranked):
    cpu = {0: "cpu", 1: "cpu"}
    board = ranked(
        {"imagenet-finetune": cpu, "tent": cpu, "adabn": cpu, "tta": cpu, "mixup": cpu, "sar": {0: "cpu", 1: "cuda:0"},
         "lame": {0: "cpu", 2: "cpu"}, "t3a": cpu},
        tta={"arch": "resnet50"},
        t3a={"accumulate": 2},  # a setting that cards leave out where it is the usual one
        tent={"test_lr": 0.1},  # the adaptation's own
        adabn={"test_lr": 0.2},
    )  # fmt: skip
    found = pairs(board)
    assert set(found) == {("imagenet-finetune", "tent"), ("adabn", "imagenet-finetune"), ("adabn", "tent")}
    sets = model_sets(board.rows)
    assert sets["tent"] == sets["adabn"] == sets["imagenet-finetune"] > 0 == sets["mixup"]
    others = {sets[name] for name in ("tta", "sar", "lame", "t3a")}
    assert len(others - {0, sets["tent"]}) == 4
    assert page(board).count(f'"m":{sets["tent"]}}}') == 3
    one, other = (next(row for row in board.rows if row.name == name) for name in ("imagenet-finetune", "tent"))
    gaps = one.by_seed("shifted") - other.by_seed("shifted")
    variance = found["imagenet-finetune", "tent"]
    assert variance == paired_variance(gaps, 8, "balanced_accuracy")
    assert (variance.seeds, variance.between) == between_seeds(gaps, 8 / 7)
    assert gaps[:, 0].mean() == pytest.approx(
        one.aggregates["shifted", board.rank_by].value - other.aggregates["shifted", board.rank_by].value, abs=1e-6
    )


def test_different_devices_are_one_sentence_and_what_stands_on_other_models_is_named(ranked):
    cpu, gpu = {0: "cpu", 1: "cpu"}, {0: "cuda", 1: "cuda:1"}
    board = ranked(
        {"imagenet-finetune": cpu, "scratch": cpu, "mixup": cpu, "tent": cpu, "lame": gpu, "sar": gpu, "acme": cpu}
    )
    first, second = device_caveat(board)
    assert first == (
        "Devices differ: lame and sar were run on cuda, all others on cpu. Training rounds differently on each, so "
        "trained weights differ as those of two seeds."
    )
    assert second == (
        "lame and sar adapt other source models than those of imagenet-finetune (devices, seeds or settings differ), "
        "so a difference to it is one of two trainings as well."
    )
    for where in (page(board), markdown([board])):
        assert first in where
        assert second in where


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"scratch": {0: "cpu"}, "tent": {0: "cpu"}}, None),
        ({"scratch": {0: "cuda:0"}, "tent": {0: "cuda:1"}}, None),
        ({"scratch": {0: "cpu"}, "acme": {0: "not stated"}}, None),  # nobody knows
        ({"mixup": {0: "cuda"}, "scratch": {0: "cpu"}, "fda": {0: "cpu"}}, "mixup was run on cuda, all others on cpu"),
        ({"scratch": {0: "cpu", 1: "cuda"}}, "all were run on cpu and cuda"),
    ],
)
def test_devices_are_told_only_where_they_differ(ranked, entries, said):
    found = device_caveat(ranked(entries))
    assert [sentence.partition(". ")[0] for sentence in found] == ([f"Devices differ: {said}"] if said else [])
