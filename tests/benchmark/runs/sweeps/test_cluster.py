"""A Ray cluster of two nodes on this machine makes a sweep, a worker of it is killed, and no byte differs."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers.cli import MEDSHIFT
from helpers.images.image_folders import folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'medshift[ray]'"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc"),
]
TOKEN = secrets.token_hex(32)
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
SWEEP = """
baselines = ["scratch", "random-init"]
seeds = 3

[settings]
arch = "test_resnet"
steps = 4
lr = [1e-3, 3e-3]

[[protocols]]
data = "{data}"
shifts = ["gamma"]
severities = [3]
"""
# no process per run: its imports take most of the time
ONE_BY_ONE = """
import json, sys
from typer.testing import CliRunner
from medshift.benchmark.cli.main import app
for words in json.load(sys.stdin):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.exception
"""


def environment(home):
    """The variables of every process of a test; the cluster has a token of its own, whatever the user's home holds."""
    ours = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    return {**os.environ, **ours, "MEDSHIFT_HOME": str(home)}


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """The address of a cluster of two nodes with one core each, which share a file system."""
    place = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # the paths of its sockets must be short
    port = free_port()
    head = [
        "--head",
        f"--port={port}",
        "--node-ip-address=127.0.0.1",
        f"--temp-dir={place}",
        "--include-dashboard=false",
    ]
    other = [f"--address=127.0.0.1:{port}", "--node-ip-address=127.0.0.2"]
    nodes = []
    try:
        for words in (head, other):
            log = tmp_path / f"node-{len(nodes)}.log"
            nodes.append(
                subprocess.Popen(
                    [*RAY, "start", *words, "--num-cpus=1", "--num-gpus=0", "--block"],
                    stdout=log.open("wb"),
                    stderr=subprocess.STDOUT,
                    env=environment(tmp_path / "home-ray"),
                    start_new_session=True,
                )
            )
            wait_for(lambda: "Ray runtime started" in log.read_text(), 240)  # noqa: B023 - called at once
        yield f"127.0.0.1:{port}"
    finally:
        for node in reversed(nodes):
            node.send_signal(signal.SIGTERM)
            try:
                node.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(node.pid, signal.SIGKILL)
        shutil.rmtree(place, ignore_errors=True)


def wait_for(what, seconds):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def children(out):
    """Process id of each run under way -> that of the worker that started it."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
            if "medshift.benchmark.cli.commands.sweep.child" in words and str(out) in words:
                stat = (path.parent / "stat").read_text().rpartition(")")[2].split()
                found[int(path.parent.name)] = int(stat[1])
        except OSError:
            pass  # it has ended
    return found


def predictions(out):
    return {
        path.parent.relative_to(out).as_posix(): path.read_bytes()
        for path in out.glob("*/*/seed-*/predictions.parquet")
    }


def test_a_killed_worker_costs_a_retry_and_no_byte(cluster, tmp_path):
    (tmp_path / "sweep.toml").write_text(SWEEP.format(data=folder(tmp_path / "set", side=16)))
    spent = {}

    def sweep(name, *words, during=lambda: None):
        begin = time.monotonic()
        started = subprocess.Popen(
            [*MEDSHIFT, "sweep", "sweep.toml", "--out", str(tmp_path / name), "--threads", "1", *words],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(tmp_path / f"home-{name}"),
        )
        during()
        said, _ = started.communicate(timeout=1800)
        spent[name] = time.monotonic() - begin
        assert started.returncode == 0, said
        assert "12 of 12 runs done" in said

    def kill():
        child, worker = next(iter(wait_for(lambda: children(tmp_path / "ray"), 600).items()))
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{child}").exists(), 60)  # its run does not go on without it

    sweep("ray", "--ray", cluster, during=kill)
    sweep("local", "--workers", "2")
    planned = subprocess.run(
        [*MEDSHIFT, "sweep", "plan", "sweep.toml", "--out", "one", "--threads", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(tmp_path / "home-one"),
    )
    words = [line.split()[1:] for line in planned.stdout.splitlines()]
    subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE],
        input=json.dumps(words),
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment(tmp_path / "home-one"),
    )
    one = predictions(tmp_path / "one")
    assert len(one) == 12
    assert predictions(tmp_path / "ray") == one
    assert predictions(tmp_path / "local") == one
    assert not list((tmp_path / "ray").glob(".sweep-*"))
    print(
        f"\n12 runs: {spent['ray']:.0f} s on Ray, two nodes, one worker killed; {spent['local']:.0f} s with --workers 2"
    )


def test_a_sweep_that_is_stopped_ends_its_runs_on_the_cluster(cluster, tmp_path):
    text = SWEEP.format(data=folder(tmp_path / "set", side=16)).replace("steps = 4", "steps = 100000")
    (tmp_path / "sweep.toml").write_text(text)
    out = tmp_path / "out"
    started = subprocess.Popen(
        [*MEDSHIFT, "sweep", "sweep.toml", "--out", str(out), "--ray", cluster],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(tmp_path / "home"),
    )
    wait_for(lambda: "fitting on" in "".join(path.read_text() for path in out.glob("logs/*/*.log")), 600)
    started.send_signal(signal.SIGTERM)
    said, _ = started.communicate(timeout=300)
    assert (started.returncode, children(out)) == (143, {})
    assert "medshift: stopped by SIGTERM: 0 of 12 runs are done; the same command resumes the others" in said
    assert "medshift: stopped by SIGTERM" in "".join(path.read_text() for path in out.glob("logs/*/*.log"))
    assert not list(out.glob(".sweep-*"))
