"""A card that asks for a run without end is refused before anything is read; those that people send are run."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pytest

from medshift.benchmark import at_most
from medshift.benchmark.contract import registry
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.runs.new_sites import refit
from medshift.benchmark.runs.verification import rerun
from medshift.benchmark.runs.verification import verify as verifying
from medshift.benchmark.runs.verification.plausible import require_plausible
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions.card import TuningClaim
from medshift.shifts.errors import MedshiftError

COMMITTED = Path(__file__).parents[4] / "leaderboard" / "submissions" / "brain-mri-sim"
TRIAL = {"settings": {}, "score": 0.5}


@pytest.fixture(scope="module")
def board():
    return read_protocol(COMMITTED)


@pytest.fixture
def entry(tmp_path):
    """Copy a committed entry."""
    made = tmp_path / "brain-mri-sim" / "scratch" / "seed-0"
    shutil.copytree(COMMITTED / "scratch" / "seed-0", made)
    for name in ("protocol.json", "truth.parquet"):
        shutil.copy(COMMITTED / name, made.parents[1] / name)
    return made


class Begun(Exception):
    """The predictions would be read, and the submission run again."""


@pytest.fixture
def no_run(monkeypatch):
    def begin(*words, **named):
        raise Begun

    monkeypatch.setattr(verifying.submission, "read_submission", begin)


def of_baseline(name, **settings):
    """Return a committed card that claims another baseline, and the baseline."""
    baseline = replace(registry.make_baseline(name, []), **settings)
    claim = cards.read(COMMITTED / "scratch" / "seed-0")
    config = {**registry.config(baseline), **settings}
    wanted = claim.baseline.model_copy(update={"name": name, "config": config, "sees": baseline.sees})
    return claim.model_copy(update={"baseline": wanted, "training": None}), baseline


def change(entry, part, **values):
    """Write other values into a card."""
    fields = json.loads((entry / cards.CARD_FILE).read_text())
    fields.setdefault(part, {}).update(values)
    (entry / cards.CARD_FILE).write_text(json.dumps(fields))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"steps": 10**9}, "the card asks for steps=1,000,000,000, and at most 100,000 is run again: give --force"),
        ({"steps": 50_000}, "the card asks for 50,000 steps, but records a training of 3,000: give --force"),
        ({"budget": "long"}, "the card asks for 6,000 steps, but records a training of 3,000: give --force"),
        (
            {"batch_size": 1 << 40},
            "the card asks for batch_size=1,099,511,627,776, and at most 1,024 is run again: give --force",
        ),
        ({"input_size": 100_000}, "input_size must be 0 or 32 to 2048"),
        (
            {"input_size": 2048, "batch_size": 1024},
            "a training on 1.3e[+]13 pixels .*; at most 5e[+]12 are run again",
        ),
        ({"steps": "many"}, "does not take the card's steps: Input should be a valid integer"),
        ({"budget": "endless"}, "does not take the card's budget: Input should be 'short', 'standard' or 'long'"),
    ],
)
def test_a_card_that_asks_for_too_much_is_refused_in_one_line(board, values, says):
    terms, table = board
    card = cards.read(COMMITTED / "scratch" / "seed-0")
    claim = card.baseline.model_copy(update={"config": {**card.baseline.config, **values}})
    with pytest.raises(MedshiftError, match=says) as error:
        require_plausible(card, rerun.baseline_of(claim), terms, len(table))
    assert "\n" not in str(error.value)


def test_it_is_refused_before_predictions_and_data_are_read_unless_forced(entry, tmp_path, no_run):
    with pytest.raises(Begun):
        verifying.verify(entry, tmp_path)
    change(entry, "baseline", config={**cards.read(entry).baseline.config, "steps": 10**9})
    with pytest.raises(verifying.CannotRepeat, match="scratch/seed-0: the card asks for steps=1,000,000,000"):
        verifying.verify(entry, tmp_path)
    named = entry.parent.rename(entry.parent.with_name("scratch+steps=1000000000")) / entry.name
    fields = json.loads((named / cards.CARD_FILE).read_text())
    (named / cards.CARD_FILE).write_text(json.dumps({**fields, "entry": named.parent.name}))
    with pytest.raises(Begun):
        verifying.verify(named, tmp_path, force=True)


def test_reruns_of_own_methods_share_what_they_train_and_others_do_not(entry, tmp_path, monkeypatch):
    homes = []

    def begin(words, *, env, **named):
        homes.append(Path(env["MEDSHIFT_HOME"]))
        raise Begun

    monkeypatch.setattr(verifying.subprocess, "run", begin)
    for shared in (tmp_path / "shared", None):
        with pytest.raises(Begun):
            verifying.verify(entry, tmp_path / "alone", shared=shared)
    monkeypatch.setattr(verifying, "is_foreign", lambda name: True)
    with pytest.raises(Begun):
        verifying.verify(entry, tmp_path / "alone", shared=tmp_path / "shared")
    assert homes == [tmp_path / "shared", tmp_path / "alone" / "home", tmp_path / "alone" / "home"]


def test_nor_is_it_fitted_for_estimates_on_new_images(entry, tmp_path, monkeypatch):
    def begin(*given):
        raise Begun

    monkeypatch.setattr(refit, "job_of", begin)
    change(entry, "baseline", config={**cards.read(entry).baseline.config, "steps": 10**9})
    with pytest.raises(MedshiftError, match="the card asks for steps=1,000,000,000"):
        refit.stored_job(entry, tmp_path)
    with pytest.raises(Begun):
        refit.stored_job(entry, tmp_path, force=True)


def test_threads_and_draws_of_a_card_are_bounded(board):
    terms, table = board
    card, baseline = of_baseline("scratch")
    crowded = card.environment.model_copy(update={"threads": 100_000})
    with pytest.raises(MedshiftError, match="threads=100,000, and at most 1,024 is run again"):
        require_plausible(card.model_copy(update={"environment": crowded}), baseline, terms, len(table))
    for searched, refused in (({"lr": "x"}, True), ({}, False)):  # without a search space there is one draw
        tuned = card.model_copy(
            update={"tuning": TuningClaim(draws=100_000, searched=searched, chosen=0, trials=(TRIAL,))}
        )
        if refused:
            with pytest.raises(MedshiftError, match="draws=100,000, and at most 200 is run again"):
                require_plausible(tuned, baseline, terms, len(table))
        else:
            require_plausible(tuned, baseline, terms, len(table))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ssl-target", {"pretrain_epochs": 10**6}),
        ("ssl-target", {"pretrain_steps": 10**6}),
        ("ssl-source", {"pretrain_steps": 10**6}),
        ("ssl-target", {"pretrain_batch": 10**6}),
        ("ssl-target", {"width": 10**6}),
        ("lame", {"iterations": 10**9}),
        ("t3a", {"supports": 10**9}),
        ("swad", {"tolerance": 10**9}),
    ],
)
def test_every_size_of_a_method_is_bounded(board, name, values):
    terms, table = board
    with pytest.raises(MedshiftError, match=f"the card asks for {next(iter(values))}=1,?0"):
        require_plausible(*of_baseline(name, **values), terms, len(table))


@dataclass(frozen=True)
class Theirs:
    """A method of somebody else, which states a bound for one of its numbers."""

    sees: ClassVar[str] = "source"
    epochs: int = field(default=10, metadata=at_most(500))
    views: int = 4
    gain: float = 1.0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"epochs": 501}, "epochs=501, and at most 500 is run again"),
        ({"views": 10**9}, "views=1,000,000,000, and at most 1,000,000 is run again"),
        ({"gain": float("nan")}, "gain=nan"),
    ],
)
def test_a_method_of_somebody_else_states_bounds_and_is_held_to_general_ones(board, values, says):
    terms, table = board
    card, _ = of_baseline("scratch")
    require_plausible(card, Theirs(epochs=500, views=1000), terms, len(table))
    with pytest.raises(MedshiftError, match=says):
        require_plausible(card, Theirs(**values), terms, len(table))


def test_the_committed_cards_are_run(board):
    terms, table = board
    found = sorted(COMMITTED.glob("*/seed-*/card.json"))
    assert found
    for path in found:
        card = cards.parse(path)
        baseline = rerun.baseline_of(card.baseline)
        require_plausible(card, baseline, terms, len(table))
        verifying._require_named(card, baseline)


def test_every_method_is_run_at_its_longest_named_budget_with_large_images_and_many_draws(board):
    terms, table = board
    tuned = TuningClaim(draws=100, searched={"lr": "x"}, chosen=0, trials=(TRIAL,))
    for name in registry.BUILTINS:
        kind = registry.load_baseline(name)
        usual = {"budget": "long", "input_size": 224}
        card, baseline = of_baseline(name, **{key: usual[key] for key in usual if hasattr(kind, key)})
        require_plausible(card.model_copy(update={"tuning": tuned}), baseline, terms, len(table))


def test_the_command_says_the_line_and_goes_on_with_the_next_entry(entry, no_run, capsys):
    from medshift.benchmark.cli.commands.entries.verify import verify

    change(entry, "baseline", config={**cards.read(entry).baseline.config, "steps": 10**9})
    shutil.copytree(COMMITTED / "tent" / "seed-0", entry.parents[1] / "tent" / "seed-0")
    arguments = {"data": None, "device": "", "mark": False, "by": "", "strict": False, "in_process": False}
    arguments |= {"record": False, "force": False}
    with pytest.raises(Begun):
        verify(folder=entry.parents[2], following=2, **arguments)
    assert "steps=1,000,000,000, and at most 100,000 is run again: give --force" in capsys.readouterr().out
