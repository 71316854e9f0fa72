"""Convergence by doubling the steps, and the headline that rests on it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from medshift.benchmark.reporting.numbers import format_signed
from medshift.leaderboard.analysis.convergence import convergence
from medshift.leaderboard.analysis.headline import headline
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries

pytestmark = pytest.mark.usefixtures("cache_of_the_file")


@pytest.fixture
def board(fabricate, tmp_path):
    """Return a function that ranks entries given as (name, steps or None, skill, changes), two seeds each."""

    def make(*entries, groups=30):
        place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=groups, targets=("site-b",)), **ONE)
        for number, (name, steps, skill, *more) in enumerate(entries):
            given = {"seeds": (0, 1), "config": {"budget": "named", "steps": 0, "lr": 0.001}, **dict(*more)}
            for seed in given.pop("seeds"):
                losses = given.get("losses", (0.7, 0.4 + seed / 100 + number / 1000, 0.5))
                training = steps and fabricate.trained(steps, losses)
                about = {key: value for key, value in given.items() if key != "losses"}
                fabricate.submission(place, made, rows, name, seed, skill=skill, training=training, **about)
        return rank_entries(protocol_folders(tmp_path)[0], 100, workers=1)

    return make


ONE = {"targets": ("site-b",), "shifts": {"gamma": "contrast"}, "severities": (3,), "metrics": ("balanced_accuracy",)}
LONG = "+budget=long"
EPOCHS = {"config": {"epochs": 8, "patience": 4}}
EXTERNAL = {"distribution": "external", "sees": "source", "config": {}}


def states(found):
    return {name: each.state for name, each in convergence(found).items()}


def test_twice_the_steps_that_move_nothing_show_that_both_converged(board):
    found = board(("scratch", 3000, 2.0), (f"scratch{LONG}", 6000, 2.02))
    shown = convergence(found)
    assert {each.state for each in shown.values()} == {"converged"}
    short, long = shown["scratch"], shown[f"scratch{LONG}"]
    rows = {row.name: row for row in found.rows}
    key = "site-a/val"
    by_hand = [rows[name].conditions[key, "balanced_accuracy"] for name in ("scratch", f"scratch{LONG}")]
    assert short.moved == pytest.approx(by_hand[1].value - by_hand[0].value, abs=1e-6)
    assert short.within == min((figure.high - figure.low) / 2 for figure in by_hand)
    assert (short.steps, long.steps) == (3000, 6000)
    assert (short.against, long.against) == (f"scratch{LONG}", "scratch")
    assert "with 6,000 steps (scratch+budget=long) in place of 3,000" in short.why
    assert "with its 6,000 steps in place of 3,000 (scratch)" in long.why


def test_twice_the_steps_that_move_more_than_the_interval_show_that_the_shorter_did_not_converge(board):
    found = convergence(board(("scratch", 3000, 0.3), (f"scratch{LONG}", 6000, 2.5)))
    assert found["scratch"].state == "not converged"
    assert found["scratch"].moved > found["scratch"].within > 0
    assert format_signed(found["scratch"].moved) in found["scratch"].why
    assert found[f"scratch{LONG}"].state == "not shown"


def test_what_is_claimed_shows_nothing_of_what_was_run_again(board):
    found = board(("scratch", 3000, 2.0), (f"scratch{LONG}", 6000, 2.02))
    assert states(found) == {"scratch": "converged", f"scratch{LONG}": "converged"}
    rows = [replace(row, claimed=row.name == f"scratch{LONG}") for row in found.rows]
    assert states(replace(found, rows=rows)) == {"scratch": "not shown", f"scratch{LONG}": "converged"}


def test_a_plateau_that_is_left_later_is_not_convergence(board):
    found = states(board(("scratch", 750, 0.0), ("scratch+budget=standard", 3000, 0.0), (f"scratch{LONG}", 6000, 3.0)))
    assert found == {
        "scratch": "not converged",
        "scratch+budget=standard": "not converged",
        f"scratch{LONG}": "not shown",
    }


@pytest.mark.parametrize(
    ("steps", "changes"),
    [
        (5999, {}),  # less than twice as long
        (6000, {"config": {"budget": "long", "steps": 0, "lr": 0.003}}),  # another rate
        (6000, {"distribution": "acme 1.0"}),  # another method of the same name
    ],
)
def test_only_the_same_settings_and_at_least_twice_the_steps_count(board, steps, changes):
    assert states(board(("made-up", 3000, 2.0), ("made-up+more", steps, 2.0, changes)))["made-up"] == "not shown"


def test_settings_of_length_may_differ(board):
    longer = {"config": {"budget": "standard", "steps": 7000, "lr": 0.001}}
    assert set(states(board(("scratch", 3000, 2.0), ("scratch+steps=7000", 7000, 2.0, longer))).values()) == {
        "converged"
    }


def test_the_figure_moves_by_what_the_seeds_that_both_have_show(board):
    longer = {"seeds": (1,)}
    found = board(("scratch", 3000, 2.0), (f"scratch{LONG}", 6000, 2.0, longer))
    moved = convergence(found)["scratch"].moved
    rows = {row.name: row for row in found.rows}
    assert rows[f"scratch{LONG}"].by_seed("validation")[0, 0] == rows["scratch"].by_seed("validation")[1, 0]
    assert moved == 0.0  # seed 1 has the same predictions; the mean over both seeds of the shorter one is another
    assert rows["scratch"].by_seed("validation")[0, 0] != rows["scratch"].by_seed("validation")[1, 0]


def test_a_test_time_method_has_the_state_of_the_training_that_it_stands_on(board):
    same, other = {"losses": (0.7, 0.3, 0.4)}, {"losses": (0.7, 0.3, 0.45)}
    entries = [("imagenet-finetune", 3000, 0.3, same), (f"imagenet-finetune{LONG}", 6000, 2.5)]
    found = convergence(board(*entries, ("adabn", 3000, 1.0, same), ("tent", 3000, 1.0, other)))
    assert found["adabn"].state == found["imagenet-finetune"].state == "not converged"
    assert found["adabn"].moved == found["imagenet-finetune"].moved
    assert found["adabn"].why.startswith("its training is that of imagenet-finetune")
    assert found["tent"].state == "not shown"


@pytest.mark.parametrize(
    ("entry", "state", "reason"),
    [
        (("linear-probe", None, 1.0, {"config": {"arch": "x"}}), "converged", "not trained by steps"),
        (("scratch", None, 1.0, EPOCHS), "not shown", "trained by epochs"),
        (("theirs", None, 1.0, EXTERNAL), "not shown", "outside medshift"),
        (("theirs", None, 1.0, {"config": {}}), "not shown", "record"),
        (("scratch", None, 1.0), "not shown", "record"),
    ],
)
def test_without_a_number_of_steps_only_what_is_solved_converged(board, entry, state, reason):
    (found,) = convergence(board(entry)).values()
    assert (found.state, found.steps) == (state, None)
    assert reason in found.why
    assert bool(found.reason) == (state == "not shown")


def test_seeds_of_different_length_show_nothing(fabricate, board, tmp_path):
    found = board(("scratch", 3000, 2.0), (f"scratch{LONG}", 6000, 2.0))
    place, made, rows = tmp_path / "made-up", found.protocol, protocol_folders(tmp_path)[0].truth
    given = {"config": {"budget": "named", "steps": 0, "lr": 0.001}, "training": fabricate.trained(300)}
    fabricate.submission(place, made, rows, f"scratch{LONG}", 2, **given)
    found = convergence(rank_entries(protocol_folders(tmp_path)[0], 100, workers=1))
    assert {each.state for each in found.values()} == {"not shown"}
    assert "not all of its seeds record the same number of steps" in found[f"scratch{LONG}"].why


PROBE = ("linear-probe", None, 0.8, {"config": {"arch": "x"}})
TRAINED = [("scratch", 3000, 2.5), (f"scratch{LONG}", 6000, 2.52)]


def test_the_headline_flips_where_the_converged_entries_say_otherwise(board):
    found = board(("imagenet-finetune", 3000, 2.0), PROBE, ("scratch", 3000, 0.5), (f"scratch{LONG}", 6000, 3.0))
    said = headline(found)
    assert said[0].startswith(
        "ImageNet, scratch or adaptation? At equal convergence this cannot be answered yet: only "
    )
    assert "only ImageNet transfer has entries that are shown to have converged (linear-probe)" in said[0]
    assert "medshift run --baseline NAME --budget long, NAME being scratch" in said[0]
    assert said[1].startswith("At equal steps (3,000 each)")
    assert said[2].startswith("ImageNet transfer leads training from scratch by ")
    assert any("because more steps still move them on source validation: scratch (by +" in s for s in said)
    assert any(f"not shown: imagenet-finetune and scratch{LONG} (no entry has twice their steps)." in s for s in said)


def test_the_headline_leads_with_convergence_and_says_another_order_at_equal_steps(board):
    weak = ("imagenet-finetune", 3000, 3.5)  # not shown: takes no part at equal convergence, but at equal steps
    said = headline(board(weak, PROBE, *TRAINED))
    assert said[0].startswith("ImageNet, scratch or adaptation? At equal convergence, the best of each by ")
    assert said[0].index("training from scratch") < said[0].index("ImageNet transfer")
    assert "(linear-probe)" in said[0]
    assert said[1].startswith("Training from scratch leads ImageNet transfer by ")
    assert said[2].startswith("At equal steps (3,000 each), the order is another: ImageNet transfer ")
    assert "ImageNet transfer leads training from scratch by " in said[2]


def test_an_approach_that_is_not_shown_to_have_converged_is_named_and_takes_part_at_equal_steps(board):
    said = headline(board(("coral", 3000, 2.0), PROBE, *TRAINED))
    assert "adaptation ." not in said[0]
    assert said[2].startswith("Adaptation has no entry that is shown to have converged. ")
    assert said[2].endswith("medshift run --baseline NAME --budget long, NAME being coral, for example.")
    assert said[3].startswith("At equal steps (3,000 each): training from scratch ")  # no order of three against two
    assert "leads adaptation by " in said[3]


def test_where_both_agree_it_is_said_once(board):
    given = [("imagenet-finetune", 3000, 1.0), (f"imagenet-finetune{LONG}", 6000, 0.98), ("scratch", 3000, 2.5)]
    said = headline(board(*given, (f"scratch{LONG}", 6000, 2.48)))
    lead = (
        "ImageNet, scratch or adaptation? Both at equal convergence and at equal steps (3,000 each), the best of each "
    )
    assert said[0].startswith(lead)
    assert "(scratch)" in said[0]  # not the best of two: the other length is not another method
    assert not any("order" in sentence for sentence in said)
    assert not any("shown" in sentence for sentence in said)


def test_the_length_that_most_entries_have_is_compared(board):
    given = [("imagenet-finetune", 750, 1.0), ("scratch", 750, 1.0), ("bn-only", 3000, 1.0), ("swad", 3000, 1.0)]
    assert any(s.startswith("At equal steps (750 each)") for s in headline(board(*given)))
    more = [*given, ("cbr-tiny", 3000, 1.0)]
    assert any(s.startswith("At equal steps (3,000 each)") for s in headline(board(*more)))


def test_entries_of_the_old_recipe_answer_nothing(board):
    said = headline(board(("imagenet-finetune", None, 2.0, EPOCHS), ("scratch", None, 1.0, EPOCHS)))
    assert "no entry is shown to have converged" in said[0]
    assert said[1].startswith("At equal steps there is nothing to compare")
    assert "imagenet-finetune and scratch (trained by epochs" in said[2]
    assert len(said) == 3


@pytest.mark.parametrize(
    "value", [(0.0123, "+.012"), (-0.12, "-.120"), (0.0, ".000"), (-0.0, ".000"), (0.0001, ".000")]
)
def test_changes_have_a_sign(value):
    assert format_signed(value[0]) == value[1]


def test_a_site_with_one_group_shows_no_convergence(board):
    found = board(("scratch", 3000, 2.0), (f"scratch{LONG}", 6000, 2.0), groups=1)
    assert set(states(found).values()) == {"not shown"}
    assert all(math.isnan(each.within) for each in convergence(found).values())
    assert convergence(found)["scratch"].why == "balanced accuracy on source validation is undefined or has no interval"
    assert np.isnan(found.rows[0].conditions["site-a/val", "balanced_accuracy"].low)
