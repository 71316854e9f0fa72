"""A small sweep, and a stand-in for `medshift run` that takes milliseconds."""

from __future__ import annotations

import hashlib
import sys

import pytest
from helpers.images.image_folders import folder

from medshift.benchmark.contract import registry
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.runs.sweeps.planned import plan_runs
from medshift.benchmark.runs.sweeps.sweep import Method, ProtocolChoice, Sweep
from medshift.benchmark.runs.terms import DataChoice
from medshift.benchmark.submissions import card as cards

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


def _finish(run, out, seconds=1.0):
    """Write the card of a run, as if it had been made."""
    protocol = run.study.protocol
    made = cards.Card(
        protocol=cards.ProtocolClaim(name=protocol.name, version=protocol.version, sha256=protocol.sha256),
        dataset=cards.DatasetClaim(
            name="set",
            version="1",
            truth_sha256=protocol.truth_sha256,
            images_sha256=run.study.images_sha256,
        ),
        baseline=cards.BaselineClaim(
            name="scratch",
            distribution=registry.origin(run.name),
            sees="source",
            config=registry.config(run.baseline),
        ),
        entry=run.entry,
        seed=run.seed,
        code=cards.CodeClaim(version="0"),
        environment=cards.EnvironmentClaim(python="3", platform="x", device="cpu", threads=1),
        timings=cards.TimingsClaim(fit_s=seconds, predict_s=0),
        predictions=cards.PredictionsClaim(sha256=hashlib.sha256(b"P" * run.seed).hexdigest(), rows=1),
    )
    cards.write(made, run.folder(out))
    (run.folder(out) / "predictions.parquet").write_bytes(b"P" * run.seed)


@pytest.fixture
def finish():
    """Writes the card of a run, as if it had been made."""
    return _finish


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
def program(tmp_path, monkeypatch, planned):
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    for run in planned((0.001, 0.01), 3):
        _finish(run, tmp_path / "prepared")
    name = planned((0.001, 0.01), 3)[0].study.protocol.name
    monkeypatch.setenv("PREPARED", str(tmp_path / "prepared" / name))
    monkeypatch.setenv("PROTOCOL", name)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return (sys.executable, "-S", "-E", str(tmp_path / "stand_in.py"))
