"""The runs of a sweep: their places, what is done, and how long the rest will take."""

from __future__ import annotations

import dataclasses
import shlex

import pytest
from helpers import factories as fabricate
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.contract import registry
from medshift.benchmark.files.wording import duration
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.runs.sweeps.estimate import Durations, told_total
from medshift.benchmark.runs.sweeps.planned import plan_runs
from medshift.benchmark.runs.sweeps.run_sweep import make_runs
from medshift.benchmark.runs.sweeps.sweep import Method, Sweep
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import curve
from medshift.shifts.errors import MedshiftError


def test_neighbours_in_the_plan_share_no_source_model(planned):
    runs = planned((0.001, 0.01), 3)
    assert [(run.entry, run.seed) for run in runs] == [
        *(("scratch", seed) for seed in range(3)),
        *(("scratch+lr=0.01", seed) for seed in range(3)),
    ]


def test_the_same_entry_twice_is_refused_before_anything_starts(protocol):
    methods = (Method("scratch", {"lr": (0.001,)}), Method("scratch"))
    with pytest.raises(
        MedshiftError, match=r"'scratch' and 'scratch lr=0\.001' are the same entry, scratch: leave one"
    ):
        plan_runs(Sweep(methods, (protocol,)))


def test_data_that_refuse_a_protocol_end_the_sweep_with_its_place(protocol, tmp_path):
    text = f'baselines = ["scratch"]\n[[protocols]]\ndata = "{protocol.data.folder}"\nsource = "site-x"\n'
    (tmp_path / "s.toml").write_text(text)
    done = CliRunner().invoke(app, ["sweep", str(tmp_path / "s.toml"), "--out", str(tmp_path / "out")])
    assert str(done.exception).startswith(f"{tmp_path / 's.toml'}, line 2, protocols: ")
    assert "site-x" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_submission_of_other_settings_is_not_done(planned, finish, tmp_path):
    (run,) = planned((0.001,))
    (other,) = planned((0.01,))
    finish(run, tmp_path)
    assert run.is_done(tmp_path)
    repainted = dataclasses.replace(run, study=dataclasses.replace(run.study, images_sha256="0" * 64))
    assert not repainted.is_done(tmp_path)  # other images under the same names
    assert "holds a submission made with other images under the same names: move it" in repainted.obstacle(tmp_path)
    predictions = run.folder(tmp_path) / "predictions.parquet"
    predictions.write_bytes(b"other")
    assert not run.is_done(tmp_path)
    finish(run, tmp_path)
    (other.folder(tmp_path)).parent.mkdir()
    run.folder(tmp_path).rename(other.folder(tmp_path))
    assert not other.is_done(tmp_path)
    assert (run.state(tmp_path), other.state(tmp_path)) == ("to do", "blocked")
    result = make_runs([other], tmp_path, None)  # started nowhere
    assert [(each.status, each.log) for each in result.failed] == [("failed", None)]
    assert "holds a submission made with other settings or code: move it away or choose" in result.failed[0].reason


def test_a_run_whose_entry_has_seeds_of_another_version_is_blocked(planned, finish, tmp_path, monkeypatch):
    first, second = planned((0.001,), 2)
    finish(first, tmp_path)
    assert second.state(tmp_path) == "to do"
    monkeypatch.setattr(registry, "origin", lambda name: "medshift 99")
    assert (first.state(tmp_path), second.state(tmp_path)) == ("done", "blocked")
    told = "and this run would be with medshift 99: an entry whose seeds differ in that is refused; move its seeds"
    assert told in second.obstacle(tmp_path)
    # told before it trains, and nothing is left for a report to refuse
    result = make_runs([first, second], tmp_path, None)
    assert [each.status for each in result.outcomes] == ["done", "failed"]
    assert told in result.failed[0].reason


def test_a_run_beside_submissions_of_other_images_is_blocked(planned, finish, tmp_path):
    first, second = planned((0.001,), 2)
    finish(first, tmp_path)
    assert second.state(tmp_path) == "to do"
    repainted = dataclasses.replace(second, study=dataclasses.replace(second.study, images_sha256="0" * 64))
    assert repainted.state(tmp_path) == "blocked"
    assert "seed-0 was made with other images under the same names" in repainted.obstacle(tmp_path)


def test_methods_that_need_images_to_adapt_to_are_refused_before_anything_starts(protocol):
    without = dataclasses.replace(protocol, choices=dataclasses.replace(protocol.choices, adapt=False))
    with pytest.raises(MedshiftError, match=r"dann sees target-unlabelled, and .* keeps no images of targets"):
        plan_runs(Sweep((Method("dann"),), (without,)))


@pytest.mark.parametrize("command", [("sweep", "--dry-run"), ("sweep", "plan")])
def test_another_protocol_in_its_place_is_told_before_anything_starts(planned, protocol, tmp_path, command):
    (run,) = planned((0.001,))
    other = run.study.protocol.model_copy(update={"seed": 7})
    write_protocol(other, run.study.table, tmp_path / other.name)
    words = [*command, "--baseline", "scratch", "--data", str(protocol.data.folder), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*words, "--shifts", "gamma", "--severities", "3"])
    assert "holds submissions to another protocol (different seed): choose another --out" in str(done.exception)


def test_another_precision_is_another_entry_and_in_its_command(planned, finish, tmp_path):
    (run,) = planned((0.001,))
    half = dataclasses.replace(run, precision="bfloat16")
    assert (run.entry, half.entry) == ("scratch", "scratch+precision=bfloat16")
    assert "--precision" not in run.words(tmp_path)
    assert half.words(tmp_path)[-2:] == ["--precision", "bfloat16"]
    finish(run, tmp_path)
    run.folder(tmp_path).parent.rename(half.folder(tmp_path).parent)
    assert not half.is_done(tmp_path)


def test_time_is_estimated_from_the_most_similar_finished_runs(planned, finish, tmp_path):
    runs = planned((0.001, 0.01), 3)
    assert told_total(runs, Durations(tmp_path, runs), 2) == "time unknown: no finished run of these baselines"
    finish(runs[0], tmp_path, 100)
    finish(runs[3], tmp_path, 400)
    found = Durations(tmp_path, runs)
    assert (found.of(runs[1]), found.of(runs[4])) == (100, 400)
    assert told_total([runs[1], runs[2], runs[4], runs[5]], found, 2) == "about 8 min with 2 workers"
    assert told_total(runs[1:2], found, None).endswith(" with all of them one after the other")
    finish(runs[1], tmp_path, 0)  # resumed with nothing left to train
    assert Durations(tmp_path, runs).of(runs[2]) == 100


def test_time_counts_the_training_of_cached_networks_and_the_length_that_is_planned(planned, finish, tmp_path):
    run, *_ = planned((0.001, 0.01), 3)
    finish(run, tmp_path, 3)  # the network was in the cache
    folder = run.folder(tmp_path)
    trained = fabricate.trained(3000)
    course = fabricate.course(trained)
    claims = {"curve": curve.write(course, folder), "training": trained.model_copy(update={"losses": ()})}
    cards.write(cards.read(folder).model_copy(update=claims), folder)
    found = Durations(tmp_path, [run])
    assert found.of(run) == course.seconds[-1] == 1500
    short = dataclasses.replace(run, baseline=dataclasses.replace(run.baseline, budget="short"))
    assert found.of(short) == 1500 / 4


@pytest.mark.parametrize(
    ("seconds", "shown"), [(39.6, "40 s"), (600, "10 min"), (7200, "2 h"), (12000, "3 h 20 min"), (187200, "2 d 4 h")]
)
def test_durations_are_told_as_people_do(seconds, shown):
    assert duration(seconds) == shown


def test_a_run_in_whose_place_another_submission_stands_is_not_to_do(planned, protocol, finish, tmp_path):
    (run,), (other,) = planned((0.001,)), planned((0.01,))
    finish(other, tmp_path)
    other.folder(tmp_path).parent.rename(run.folder(tmp_path).parent)
    words = ["--baseline", "scratch", "--data", str(protocol.data.folder), "--out", str(tmp_path)]
    words += ["--shifts", "gamma", "--severities", "3"]
    shown = CliRunner().invoke(app, ["sweep", *words, "--dry-run"]).stdout.splitlines()
    assert shown[0] == "1 run"
    assert shown[-2].startswith("blocked: scratch, seed 0: ")
    assert shown[-1].startswith("1 run: 1 blocked; ")
    assert CliRunner().invoke(app, ["sweep", "plan", *words]).stdout == ""


def test_budgets_beside_steps_are_refused_as_they_would_train_alike(protocol):
    both = Method("scratch", {"steps": (2,), "budget": ("short", "long")})
    with pytest.raises(MedshiftError, match="budget: steps=2 goes before it, so that all of these would train alike"):
        plan_runs(Sweep((both,), (protocol,)))


def test_dry_run_and_plan_tell_what_is_left(planned, protocol, finish, tmp_path):
    out = tmp_path / "my out"
    finish(planned((0.001, 0.01))[0], out, 30)
    words = ["--baseline", "scratch", "--set", "lr=0.001,0.01", "--data", str(protocol.data.folder)]
    words += ["--shifts", "gamma", "--severities", "3", "--out", str(out)]
    shown = CliRunner().invoke(app, ["sweep", *words, "--dry-run"])
    assert shown.stdout.splitlines()[-1] == "2 runs: 1 done, 1 to do; about 30 s with 1 worker"
    assert shown.stdout.startswith("2 runs\n")
    rows = [line.split() for line in shown.stdout.splitlines()[2:-1]]
    assert [(row[0], row[3]) for row in rows] == [("scratch", "done"), ("scratch+lr=0.01", "to")]
    printed = CliRunner().invoke(app, ["sweep", "plan", *words, "--threads", "1"])
    (line,) = printed.stdout.splitlines()
    assert shlex.split(line) == [
        *("medshift", "run", "--baseline", "scratch", "--set", "lr=0.01", "--data", str(protocol.data.folder)),
        *("--shifts", "gamma", "--severities", "3", "--seed", "0", "--out", str(out), "--threads", "1"),
    ]
