"""The answer of a board: which approach leads, whether that is supported, and how far to trust it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medshift.benchmark.contract import registry
from medshift.leaderboard.analysis import convergence
from medshift.leaderboard.analysis.answer import answer
from medshift.leaderboard.analysis.findings import findings
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries


@pytest.fixture(autouse=True)
def converged(monkeypatch):
    """What records no training counts as converged: it is not what these tests are about."""
    monkeypatch.setattr(convergence, "SOLVED", registry.BUILTINS)


ENTRIES = {"imagenet-finetune": 2.0, "scratch": 1.0, "tent": 4.0}


@pytest.fixture(scope="module")
def boards(fabricate, tmp_path_factory):
    """Boards of three approaches, of one approach, of a single entry, of none, of equal ones, and of one patient."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        root = tmp_path_factory.mktemp("in")
        wanted = {
            "all": ENTRIES,
            "equal-steps": ENTRIES,
            "one-missing": ENTRIES,
            "one-approach": {"imagenet-finetune": 2.0, "mixup": 4.0},
            "one": {"scratch": 1.0},
            "level": dict.fromkeys((*ENTRIES, "mixup"), 2.0),
            "one-patient": {"imagenet-finetune": 2.0, "lp-ft": 1.0},
        }
        for name, entries in {**wanted, "none": {}}.items():
            size = {"groups": 1, "per_group": 8} if name == "one-patient" else {"groups": 12}
            place, made, rows = fabricate.contest(root, fabricate.table(**size), name=name)
            for entry, skill in entries.items():
                trained = name == "equal-steps" or (name, entry) == ("one-missing", "tent")
                training = fabricate.trained(3000) if trained else None
                fabricate.submission(place, made, rows, entry, skill=skill, training=training)
        return {folder.protocol.name: rank_entries(folder, 50, workers=1) for folder in protocol_folders(root)}


def claimed(board, *names):
    """The board with these entries as nobody has run them again."""
    rows = [replace(row, rank=None, tier=0, claimed=True) if row.name in names else row for row in board.rows]
    return replace(board, rows=rows)


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
    assert answer(claimed(boards["one"], "scratch")).line == "No entry can be ranked yet: none has been run again."
    undefined = [replace(row, rank=None, tier=0) if row.name != "scratch" else row for row in boards["all"].rows]
    assert answer(replace(boards["all"], rows=undefined)).line == "scratch is the only entry with a rank so far."


def test_an_approach_without_an_entry_to_compare_is_named_first(boards):
    board = boards["one-missing"]  # the best entry is of adaptation, and is not shown to have converged
    found = answer(replace(board, pairs=replace(board.pairs, supported=np.ones_like(board.pairs.supported))))
    assert found.line == (
        "Adaptation cannot be compared yet; of the others, ImageNet transfer leads under shift, and the lead is "
        "supported."
    )
    assert "tent" not in found.sentences[0]
    assert "no entry of adaptation is shown to have trained long enough" in found.sentences[2]


def test_an_approach_of_which_no_entry_was_run_again_is_named_first(boards):
    board = claimed(given(boards["all"], "scratch", "imagenet-finetune"), "scratch")
    found = answer(board)
    assert found.line == (
        "Training from scratch cannot be compared yet; of the others, adaptation leads under shift, and the lead is "
        "supported."
    )
    assert found.sentences[2].startswith("Keep in mind: no entry of training from scratch has been run again, each was")
    assert "No entry of training from scratch has been run again, so none is compared." in findings(board)


def test_entries_that_were_run_again_are_not_called_all_that_there_are(boards):
    found = answer(claimed(boards["all"], "scratch", "tent"))
    assert found.line == "imagenet-finetune is the only verified entry so far."
    assert found.sentences[1:] == ("No entry of training from scratch or adaptation has been run again.",)
    found = answer(claimed(boards["level"], "scratch", "tent"))
    assert found.line == "Of the verified entries, imagenet-finetune and mixup share the best figure under shift."
    assert found.sentences[1:] == (
        "Among these, all entries of a known approach are ImageNet transfer, so none can be compared.",
        "No entry of training from scratch or adaptation has been run again.",
    )
    assert answer(claimed(boards["level"], "mixup")).line.startswith("Of the verified entries, ImageNet transfer, ")


def test_best_entries_with_the_same_figure_are_not_said_to_lead(boards):
    found = answer(boards["level"])
    assert found.line == "ImageNet transfer, training from scratch and adaptation do not differ under shift."
    assert found.sentences[0].startswith("The best entry of ImageNet transfer, imagenet-finetune, reaches .")
    assert " beside ." in found.sentences[0]
    assert "any could be ahead" in found.sentences[1]
    said = " ".join(findings(boards["level"]))
    assert "ImageNet transfer and training from scratch do not differ, .000 [-." in said
    assert " leads " not in said
    board = given(boards["all"], "scratch")
    a, b = (next(i for i, row in enumerate(board.rows) if row.name == name) for name in ("tent", "imagenet-finetune"))
    difference = board.pairs.difference.copy()
    difference[a, b] = difference[b, a] = 0.0004
    board = replace(board, pairs=replace(board.pairs, difference=difference))
    line = "Adaptation and ImageNet transfer do not differ under shift; adaptation leads training from scratch, and the"
    assert answer(board).line == f"{line} lead is supported."
    sure = given(board, "scratch", "imagenet-finetune")  # so small a lead may be supported all the same
    assert answer(sure).line == "Adaptation leads under shift, and the lead is supported."


def test_a_board_of_one_site_has_no_others_of_which_images_were_seen(boards):
    alone = replace(boards["all"], protocol=boards["all"].protocol.model_copy(update={"targets": ()}))
    assert "only adaptation has seen the test images, without labels, no real shift was" in answer(alone).sentences[2]
    assert "Only adaptation sees the test images, without labels." in " ".join(findings(alone))


def test_of_one_patient_nothing_is_said_to_be_compared_or_to_have_an_interval(boards):
    said = " ".join(findings(boards["one-patient"]))
    assert "share the first tier: no comparison with imagenet-finetune is defined." in said
    assert "the variation between seeds is unknown, and no interval is defined." in said
