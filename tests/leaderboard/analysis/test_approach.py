"""The approach of an entry names its weights: only those of ImageNet are called ImageNet's."""

from __future__ import annotations

import json

import pytest

from medshift.benchmark.submissions import card as cards
from medshift.leaderboard.analysis.approach import approach_title, other_weights, start_note
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report.markdown import markdown
from medshift.leaderboard.report.page import page
from medshift.leaderboard.report.tables import to_json


def claim(pretraining, origin="hf-hub:acme/net"):
    return cards.WeightsClaim(origin=origin, sha256="0" * 64, pretraining=pretraining, licence="apache-2.0")


def ranked(fabricate, place, entries):
    folder, made, rows = fabricate.contest(place, fabricate.table(groups=30))
    for name, settings in entries.items():
        fabricate.submission(folder, made, rows, name, 0, **settings)
    board = rank_entries(protocol_folders(place)[0], 50)
    return board, {row.name: row for row in board.rows}


def test_an_entry_with_other_weights_is_transfer_from_what_they_are(fabricate, tmp_path):
    entries = {
        "imagenet-finetune": {"weights": claim("ImageNet-1k")},
        "linear-probe": {"weights": claim("LVD-142M")},
        "lp-ft": {"weights": claim("not stated", "local-dir:mine"), "config": {"arch": "local-dir:/home/me/mine"}},
        "tent": {"weights": claim("ImageNet-22k")},
        "scratch": {"config": {"arch": "hf-hub:acme/net"}},  # takes no weights of it
        "mixup": {},  # an older card
    }
    board, rows = ranked(fabricate, tmp_path / "in", entries)
    assert {name: approach_title(row) for name, row in rows.items()} == {
        "imagenet-finetune": "ImageNet transfer",
        "linear-probe": "transfer from LVD-142M",
        "lp-ft": "transfer from local-dir:mine, pretraining not stated",
        "tent": "adaptation",
        "scratch": "training from scratch",
        "mixup": "ImageNet transfer",
    }
    assert start_note(rows["tent"]) == "starts from ImageNet-22k"
    assert other_weights(rows["scratch"]) == ""
    told = markdown([board])
    assert "| `linear-probe` (transfer from LVD-142M) |" in told
    assert "| `imagenet-finetune` |" in told
    found = {
        each["entry"]: each for each in json.loads("".join(to_json([board], [None], [[]])))["protocols"][0]["entries"]
    }
    assert found["linear-probe"]["approach"] == "transfer from LVD-142M"
    assert found["linear-probe"]["weights"]["licence"] == "apache-2.0"
    assert found["mixup"]["weights"] is None


def test_the_page_shows_weights_beside_the_name_and_in_the_panel(fabricate, tmp_path):
    board, _ = ranked(fabricate, tmp_path / "in", {"linear-probe": {"weights": claim("<b>x</b>")}, "scratch": {}})
    text = page(board, None, [])
    assert "transfer from &lt;b&gt;x&lt;/b&gt;" in text
    assert "<b>x</b>" not in text
    assert "hf-hub:acme/net; pretraining: &lt;b&gt;x&lt;/b&gt;; licence: apache-2.0; sha256" in text


@pytest.mark.parametrize("kept", [True, False])
def test_a_card_keeps_its_weights_and_an_older_one_reads_without(fabricate, tmp_path, kept):
    folder, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=30))
    weights = claim("LVD-142M") if kept else None
    place = fabricate.submission(folder, made, rows, "linear-probe", 0, weights=weights)
    assert ("weights" in json.loads((place / "card.json").read_text())) is kept
    assert cards.read(place).weights == weights
