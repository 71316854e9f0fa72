"""Plans, workers and outcomes, with a stand-in for `medshift run` that takes milliseconds, and once with itself."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import pytest
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.contract import registry
from medshift.benchmark.files.locks import is_held, locked
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.runs import environment
from medshift.benchmark.runs.terms import DataChoice
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.sweeps import cluster, local, task
from medshift.benchmark.sweeps.child import Child
from medshift.benchmark.sweeps.estimate import Durations, told, told_total
from medshift.benchmark.sweeps.local import Workers
from medshift.benchmark.sweeps.outcome import SweepProgress, reason_of
from medshift.benchmark.sweeps.planned import plan_runs
from medshift.benchmark.sweeps.run_sweep import make_runs
from medshift.benchmark.sweeps.sweep import Method, ProtocolChoice, Sweep
from medshift.shifts.errors import MedshiftError

# takes the words of `medshift run`; what it does depends on the learning rate
STAND_IN = """
import os, shutil, signal, sys, time
word = dict(zip(sys.argv[2::2], sys.argv[3::2]))
rate = next(w.partition("=")[2] for w in sys.argv if w.startswith("lr="))
entry = "scratch" if rate == "0.001" else f"scratch+lr={rate}"
there = os.path.join(os.environ["PREPARED"], entry, f"seed-{word['--seed']}")
print("on", os.environ.get("CUDA_VISIBLE_DEVICES"), "with", word.get("--threads"), "at", time.time(), flush=True)
if rate == "0.5":
    print("Traceback:", "medshift: no luck\\nmedshift: the loss is not finite", "bye", sep="\\n")
    sys.exit(1)
if rate == "0.6":
    os.kill(os.getpid(), 9)
if rate == "0.7":
    def stop(*_):
        print("medshift: stopped by SIGTERM: 3 of 5 are saved", flush=True)
        sys.exit(143)
    signal.signal(signal.SIGTERM, stop)
    print("waits", flush=True)
    time.sleep(60)
if "MEET" in os.environ:  # wait for a second one
    open(os.path.join(os.environ["MEET"], str(os.getpid())), "w").close()
    while len(os.listdir(os.environ["MEET"])) < 2:
        time.sleep(0.01)
shutil.copytree(there, os.path.join(word["--out"], os.environ["PROTOCOL"], entry, f"seed-{word['--seed']}"))
print("until", time.time())
"""


def finish(run, out, fabricate, seconds=1.0):
    """Write the card of a run, as if it had been made."""
    protocol = run.study.protocol
    made = cards.Card(
        protocol=cards.ProtocolClaim(name=protocol.name, version=protocol.version, sha256=protocol.sha256),
        dataset=cards.DatasetClaim(name="set", version="1", truth_sha256=protocol.truth_sha256),
        baseline=cards.BaselineClaim(
            name="scratch", distribution="medshift 0", sees="source", config=registry.config(run.baseline)
        ),
        entry=run.entry,
        seed=run.seed,
        code=cards.CodeClaim(version="0"),
        environment=cards.EnvironmentClaim(python="3", platform="x", device="cpu", threads=1),
        timings=cards.TimingsClaim(fit_s=seconds, predict_s=0),
        predictions=cards.PredictionsClaim(sha256="0" * 64, rows=1),
    )
    cards.write(made, run.folder(out))
    (run.folder(out) / "predictions.parquet").write_bytes(b"P" * run.seed)


@pytest.fixture(scope="module")
def protocol(tmp_path_factory):
    images = folder(tmp_path_factory.mktemp("data") / "set", side=16)
    return ProtocolChoice(DataChoice(folder=images), Choices(shifts=("gamma",), severities=(3,)))


@pytest.fixture(scope="module")
def planned(protocol):
    """Plans a sweep of `scratch` with these learning rates and as many seeds; each plan is made once."""
    known = {}

    def plan(rates, seeds=1):
        if (rates, seeds) not in known:
            known[rates, seeds] = plan_runs(
                Sweep((Method("scratch", {"lr": rates}),), (protocol,), tuple(range(seeds)))
            )
        return known[rates, seeds]

    return plan


@pytest.fixture
def program(tmp_path, monkeypatch, planned, fabricate):
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    for run in planned((0.001, 0.01), 3):
        finish(run, tmp_path / "prepared", fabricate)
    name = planned((0.001, 0.01), 3)[0].study.protocol.name
    monkeypatch.setenv("PREPARED", str(tmp_path / "prepared" / name))
    monkeypatch.setenv("PROTOCOL", name)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return (sys.executable, "-S", "-E", str(tmp_path / "stand_in.py"))


def logs(out, word):
    """The words after `word` in the logs, by log."""
    texts = {path.name: path.read_text().split() for path in sorted(out.glob("logs/*/*.log"))}
    return {name: words[words.index(word) + 1] for name, words in texts.items() if word in words}


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


def test_workers_run_side_by_side_and_share_cores_and_cards(planned, program, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "cores", lambda: 6)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    (tmp_path / "met").mkdir()
    monkeypatch.setenv("MEET", str(tmp_path / "met"))
    result = make_runs(planned((0.001, 0.01), 3), tmp_path / "out", Workers(2, program=program))
    assert [outcome.status for outcome in result.outcomes] == ["done"] * 6
    assert set(logs(tmp_path / "out", "on").values()) == {"4", "7"}
    assert set(logs(tmp_path / "out", "with").values()) == {"3"}
    begins, ends = (sorted(map(float, logs(tmp_path / "out", word).values())) for word in ("at", "until"))
    assert begins[1] < ends[0]  # two at once
    assert all(end < begin for end, begin in zip(ends, begins[2:], strict=False))  # never three
    assert (result.folders[0] / "card.json").exists()


def test_one_worker_leaves_threads_and_cards_to_the_run(planned, program, tmp_path):
    make_runs(planned((0.001,)), tmp_path / "out", Workers(1, program=program))
    assert (list(logs(tmp_path / "out", "on").values()), list(logs(tmp_path / "out", "with").values())) == (
        ["None"],
        ["None"],
    )


def test_a_failed_run_fails_alone_and_what_is_done_is_left_out(planned, program, tmp_path):
    ended, said = [], []
    progress = SweepProgress(said.append, lambda outcome, count, total: ended.append((count, total)))
    runs = planned((0.5, 0.001, 0.6))
    result = make_runs(runs, tmp_path / "out", Workers(1, program=program), progress)
    assert [(outcome.status, outcome.reason) for outcome in result.outcomes] == [
        ("failed", "the loss is not finite"),
        ("done", ""),
        ("failed", "killed by SIGKILL, most likely because memory ran out: use fewer workers"),
    ]
    assert ended == [(1, 3), (2, 3), (3, 3)]
    assert result.failed == (result.outcomes[0], result.outcomes[2])
    before = result.outcomes[1].log.stat()
    make_runs(runs, tmp_path / "out", Workers(1, program=program), progress)
    assert said == ["1 of 3 runs are done already"]
    assert result.outcomes[1].log.stat() == before  # it was not started again


def test_an_interruption_ends_the_runs_as_they_end_by_themselves(planned, program, tmp_path):
    runs = planned((0.7, 0.001))

    def interrupt(active):
        texts = [path.read_text() for path in tmp_path.glob("out/logs/*/*.log")]
        if any("waits" in text for text in texts) and any("until" in text for text in texts):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        make_runs(runs, tmp_path / "out", Workers(2, program=program), SweepProgress(tick=interrupt))
    assert raised.value.__notes__ == ["1 of 2 runs are done; the same command resumes the others where they were"]
    assert "medshift: stopped by SIGTERM: 3 of 5 are saved" in runs[0].log(tmp_path / "out").read_text()


def test_what_another_process_makes_is_left_to_it(planned, program, tmp_path):
    first, second = planned((0.001, 0.01))
    out = tmp_path / "out"
    first.lock(out).parent.mkdir(parents=True)
    code = (
        "import sys; from pathlib import Path; from medshift.benchmark.files.locks import locked\n"
        "with locked(Path(sys.argv[1]), 'busy'): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(first.lock(out))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        assert (first.state(out), second.state(out)) == ("running", "to do")
        result = make_runs([first, second], out, Workers(1, program=program))
        other.stdin.close()
    assert [outcome.status for outcome in result.outcomes] == ["elsewhere", "done"]
    assert (first.state(out), second.state(out)) == ("to do", "done")


def test_asking_whether_a_lock_is_held_takes_it_from_nobody(tmp_path):
    assert not is_held(tmp_path / "lock")
    with locked(tmp_path / "lock", "busy"):
        assert is_held(tmp_path / "lock")
    (tmp_path / "lock").touch()  # as a killed process leaves it
    assert not is_held(tmp_path / "lock")
    with locked(tmp_path / "lock", "busy"):
        pass


def test_a_submission_of_other_settings_is_not_done(planned, fabricate, tmp_path):
    (run,) = planned((0.001,))
    (other,) = planned((0.01,))
    finish(run, tmp_path, fabricate)
    assert run.is_done(tmp_path)
    (other.folder(tmp_path)).parent.mkdir()
    run.folder(tmp_path).rename(other.folder(tmp_path))
    assert not other.is_done(tmp_path)


def test_time_is_estimated_from_the_most_similar_finished_runs(planned, fabricate, tmp_path):
    runs = planned((0.001, 0.01), 3)
    assert told_total(runs, Durations(tmp_path, runs), 2) == "time unknown: no finished run of these baselines"
    finish(runs[0], tmp_path, fabricate, 100)
    finish(runs[3], tmp_path, fabricate, 400)
    found = Durations(tmp_path, runs)
    assert (found.of(runs[1]), found.of(runs[4])) == (100, 400)
    assert told_total([runs[1], runs[2], runs[4], runs[5]], found, 2) == "about 8 min with 2 workers"
    finish(runs[1], tmp_path, fabricate, 0)  # resumed with nothing left to train
    assert Durations(tmp_path, runs).of(runs[2]) == 100


@pytest.mark.parametrize(
    ("seconds", "shown"), [(39.6, "40 s"), (600, "10 min"), (7200, "2 h"), (12000, "3 h 20 min"), (187200, "2 d 4 h")]
)
def test_durations_are_told_as_people_do(seconds, shown):
    assert told(seconds) == shown


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (1, b"a\nmedshift: the disk is full\n", "the disk is full"),
        (1, b"Traceback\n  File x\nValueError: no\n\n", "ValueError: no"),
        (-11, b"half\n", "killed by signal 11; its last line: half"),
        (1, b"", "it printed nothing"),
    ],
)
def test_the_reason_is_the_line_in_which_a_run_ended(status, text, reason):
    assert reason_of(status, text) == reason


def test_dry_run_and_plan_tell_what_is_left(planned, protocol, fabricate, tmp_path):
    out = tmp_path / "my out"
    finish(planned((0.001, 0.01))[0], out, fabricate, 30)
    words = ["--baseline", "scratch", "--set", "lr=0.001,0.01", "--data", str(protocol.data.folder)]
    words += ["--shifts", "gamma", "--severities", "3", "--out", str(out)]
    shown = CliRunner().invoke(app, ["sweep", *words, "--dry-run"])
    assert shown.stdout.splitlines()[-1] == "2 runs: 1 done, 1 to do; about 30 s with 1 worker"
    rows = [line.split() for line in shown.stdout.splitlines()[2:-1]]
    assert [(row[0], row[3]) for row in rows] == [("scratch", "done"), ("scratch+lr=0.01", "to")]
    printed = CliRunner().invoke(app, ["sweep", "plan", *words, "--threads", "1"])
    (line,) = printed.stdout.splitlines()
    assert shlex.split(line) == [
        *("medshift", "run", "--baseline", "scratch", "--set", "lr=0.01", "--data", str(protocol.data.folder)),
        *("--shifts", "gamma", "--severities", "3", "--seed", "0", "--out", str(out), "--threads", "1"),
    ]


def test_a_worker_without_the_senders_folder_brings_the_submission_back(planned, program, tmp_path, monkeypatch, home):
    (run,) = [run for run in planned((0.001, 0.01), 3) if (run.seed, run.entry) == (2, "scratch")]
    out = tmp_path / "out"
    monkeypatch.setattr(task, "Child", partial(Child, program=program))
    order = cluster.Cluster("auto")._order(run, out, tmp_path / "nowhere" / "mark", 1, environment.sources())
    returned = task.carry_out(order)
    assert (returned.shared, returned.reason, returned.elsewhere) == (False, "", False)
    assert returned.files["predictions.parquet"] == b"PP"
    assert not out.exists()
    assert not list(home.glob("sweeps/*/*/*/seed-*"))  # nothing stays behind
    outcome = cluster._outcome(SimpleNamespace(get=lambda reference: reference), returned, run, out, 1.0)
    assert (outcome.status, run.is_done(out)) == ("done", True)
    assert "until" in run.log(out).read_text()


def test_a_worker_with_other_code_says_so(planned, tmp_path):
    order = cluster.Cluster("auto")._order(planned((0.001,))[0], tmp_path, tmp_path / "mark", 1, "other")
    assert task.carry_out(order).reason.startswith("the code of medshift differs from the sender's: install the same")


def test_without_ray_the_extra_is_named(planned, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MedshiftError, match=r"--ray needs Ray: pip install 'medshift\[ray\]'"):
        make_runs(planned((0.001,)), tmp_path, cluster.Cluster("auto"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_process_of_a_run_ends_with_the_one_that_started_it():
    code = (
        "from medshift.benchmark.cli.commands.sweep import child; from threading import Thread; import signal\n"
        "Thread(target=child._watch, daemon=True).start(); print('on', flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout.readline() == b"on\n"
        started.stdin.close()
        assert started.wait(20) == -signal.SIGTERM


def test_a_sweep_makes_what_run_makes_and_is_seen_while_it_runs(protocol, tmp_path):
    quick = {"arch": ("test_resnet",), "steps": (2,)}
    (run,) = plan_runs(Sweep((Method("scratch", quick),), (protocol,)))
    states = set()
    progress = SweepProgress(tick=lambda runs: states.add(run.state(tmp_path)))
    result = make_runs([run], tmp_path, Workers(1, threads=1, device="cpu"), progress)
    assert result.outcomes[0].status == "done", result.outcomes[0].reason
    assert "running" in states  # by the lock of the run itself
    assert result.folders == (tmp_path / run.study.protocol.name / "scratch+arch=test_resnet+steps=2" / "seed-0",)
    assert cards.read(result.folders[0]).environment.threads == 1
