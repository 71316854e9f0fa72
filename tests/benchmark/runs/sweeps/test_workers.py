"""Workers and outcomes, with a stand-in for `medshift run`, and once with itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import pytest

from medshift.benchmark.cli.commands.sweep import act, child
from medshift.benchmark.files.atomic import OLD
from medshift.benchmark.files.locks import is_held, locked
from medshift.benchmark.reporting.heartbeat import heartbeat
from medshift.benchmark.runs import environment
from medshift.benchmark.runs.sweeps import cluster, local, signals, task
from medshift.benchmark.runs.sweeps.child import Child
from medshift.benchmark.runs.sweeps.local import Workers
from medshift.benchmark.runs.sweeps.outcome import SweepProgress, reason_of
from medshift.benchmark.runs.sweeps.planned import plan_runs
from medshift.benchmark.runs.sweeps.run_sweep import make_runs
from medshift.benchmark.runs.sweeps.sweep import Method, Sweep
from medshift.benchmark.submissions import card as cards
from medshift.shifts.errors import MedshiftError


def logs(out, word):
    """The words after `word` in the logs, by log."""
    texts = {path.name: path.read_text().split() for path in sorted(out.glob("logs/*/*.log"))}
    return {name: words[words.index(word) + 1] for name, words in texts.items() if word in words}


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


def test_a_worker_without_the_senders_folder_brings_the_submission_back(planned, program, tmp_path, monkeypatch, home):
    (run,) = [run for run in planned((0.001, 0.01), 3) if (run.seed, run.entry) == (2, "scratch")]
    out = tmp_path / "out"
    monkeypatch.setattr(task, "Child", partial(Child, program=program))
    order = cluster.Cluster("auto")._order(run, out, tmp_path / "nowhere" / "mark", 1, environment.sources())
    returned = task.carry_out(order)
    assert (returned.shared, returned.reason, returned.elsewhere) == (False, "", False)
    assert returned.files["predictions.parquet"] == b"PP"
    assert not out.exists()
    monkeypatch.setattr(task, "Child", None)  # its answer may be lost with the worker: another try runs nothing again
    again = task.carry_out(order)
    assert (again.files, again.log, again.reason) == (returned.files, returned.log, "")
    (kept,) = home.glob(f"sweeps/*/{task.KEPT}/*")
    os.utime(kept, (time.time() - 2 * OLD,) * 2)
    task._sweep_kept(home / "sweeps")
    assert not list(home.glob("sweeps/**/seed-*"))  # nothing stays behind
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
        "import runpy, signal, sys; from threading import Thread; watch = runpy.run_path(sys.argv[1])['_watch']\n"
        "Thread(target=watch, daemon=True).start(); print('on', flush=True); signal.pause()"
    )
    command = [sys.executable, "-c", code, child.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
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


def test_a_signal_that_is_held_back_reaches_its_handler_where_it_is_let_through():
    def stop(number, frame):
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with signals.held_back() as held:
            signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(3))
            held.install()  # as another package replaces the handler
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
            with pytest.raises(KeyboardInterrupt):
                held.let_through()
            held.let_through()  # once
        assert signal.getsignal(signal.SIGTERM) is stop
    finally:
        signal.signal(signal.SIGTERM, before)


def test_where_there_is_no_terminal_the_runs_tell_what_they_printed_last(planned, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(act, "heartbeat", partial(heartbeat, first=0.02))
    runs = planned((0.001, 0.01))
    log = runs[0].log(tmp_path)
    log.parent.mkdir(parents=True)
    log.write_text(f"old\n{runs[0].title}: step 8 of 300 {'x' * 99}\n\n")
    with act.watched(2, tmp_path) as progress:
        time.sleep(0.1)
        progress.tick(runs)
        time.sleep(0.3)
    said = capsys.readouterr().err.splitlines()
    shown = f"step 8 of 300 {'x' * 99}"[: act.LINE - 3]
    assert said[0] == "waiting for workers (0 s)"
    assert said[-1] == f"{runs[0].title}: {shown}...; {runs[1].title}: starting (0 s)"
