"""The answer of a board: which approach leads, whether that is supported, and how far to trust it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medshift.leaderboard.analysis.answer import answer
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries

ENTRIES = {"imagenet-finetune": 2.0, "scratch": 1.0, "tent": 4.0}


@pytest.fixture(scope="module")
def boards(fabricate, tmp_path_factory):
    """Boards of three approaches, of one approach, of a single entry, and of none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        root = tmp_path_factory.mktemp("in")
        wanted = {
            "all": ENTRIES,
            "equal-steps": ENTRIES,
            "one-missing": ENTRIES,
            "one-approach": {"imagenet-finetune": 2.0, "mixup": 4.0},
            "one": {"scratch": 1.0},
        }
        for name, entries in {**wanted, "none": {}}.items():
            place, made, rows = fabricate.contest(root, fabricate.table(groups=12), name=name)
            for entry, skill in entries.items():
                trained = name == "equal-steps" or (name, entry) == ("one-missing", "tent")
                training = fabricate.trained(3000) if trained else None
                fabricate.submission(place, made, rows, entry, skill=skill, training=training)
        return {folder.protocol.name: rank_entries(folder, 50, workers=1) for folder in protocol_folders(root)}


def given(board, *supported):
    """The board with the lead of tent supported over these entries alone."""
    names = [row.name for row in board.rows]
    found = np.zeros((len(names), len(names)), dtype=bool)
    for name in supported:
        a, b = names.index("tent"), names.index(name)
        found[a, b] = found[b, a] = True
    return replace(board, pairs=replace(board.pairs, supported=found))


@pytest.mark.parametrize(
    ("supported", "line", "verdict"),
    [
        (
            ("scratch", "imagenet-finetune"),
            "Adaptation leads under shift, and the lead is supported.",
            " is supported: it is larger than the choice of patients explains",  # each was trained once
        ),
        ((), "Adaptation is ahead under shift, but the lead is not supported.", " is not supported: "),
        (
            ("scratch",),
            "Adaptation leads under shift; supported over training from scratch, not over ImageNet transfer.",
            "over ImageNet transfer it is not",
        ),
    ],
)
def test_it_says_which_approach_leads_and_whether_that_is_supported(boards, supported, line, verdict):
    board = given(boards["all"], *supported)
    found = answer(board)
    assert found.line == line
    assert len(found.sentences) == 3
    figure = next(row for row in board.rows if row.name == "tent").aggregates["shifted", "balanced_accuracy"]
    assert f"its best entry, tent, reaches {figure.text.split()[0]} in balanced accuracy" in found.sentences[0]
    assert verdict in found.sentences[1]
    assert found.sentences[2] == (
        "Keep in mind: each was trained only once, only adaptation has seen unlabelled images of the other sites and "
        "the images are simulated."
    )


def test_entries_of_equal_steps_are_compared_with_the_doubt_that_they_may_not_have_converged(boards):
    found = answer(boards["equal-steps"])
    assert "its best entry, tent, reaches" in found.sentences[0]
    assert "the entries had equal steps, but are not shown to have trained long enough" in found.sentences[2]


def test_without_two_approaches_it_names_the_best_entry(boards):
    assert answer(boards["one-approach"]).line == "mixup has the best figure under shift."
    assert answer(boards["one"]).line == "scratch is the only entry so far."
    assert answer(boards["none"]).line.startswith("No finished submissions yet. The first one: `medshift run ")
    rows = [replace(row, rank=None, tier=0, claimed=True) for row in boards["one"].rows]
    assert answer(replace(boards["one"], rows=rows)).line == "No entry can be ranked yet: none has been run again."


def test_an_approach_without_an_entry_to_compare_is_named_first(boards):
    board = boards["one-missing"]  # the best entry is of adaptation, and is not shown to have converged
    found = answer(replace(board, pairs=replace(board.pairs, supported=np.ones_like(board.pairs.supported))))
    assert found.line == (
        "Adaptation cannot be compared yet; of the others, ImageNet transfer leads under shift, and the lead is "
        "supported."
    )
    assert "tent" not in found.sentences[0]
    assert "no entry of adaptation is shown to have trained long enough" in found.sentences[2]
