"""Every built-in study runs to its report by one command, on a tiny configuration; and one in processes of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time

import pytest
from helpers.boards import SMALL
from helpers.cli import MEDSHIFT
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.runs.sweeps import local
from medshift.benchmark.runs.sweeps.outcome import Outcome
from medshift.benchmark.studies import registry, stored
from medshift.benchmark.studies.similarity import cka
from medshift.shifts.errors import MedshiftError

TINY = ["--shifts", "gamma", "--severities", "3", "--seeds", "1", "--set", "steps=2", "--device", "cpu"]
#: What makes a built-in study as small as it can be, and how many runs are left.
SMALLEST = {
    "transfer": (["--arms", "imagenet,cbr", "--levels", "budget=long"], 2),
    "depth": (["--levels", "layers=0,2,-1"], 3),
    "labels": (["--arms", "imagenet,scratch", "--levels", "labels=0.1,1.0"], 4),
    "architectures": (["--levels", "network=resnet18.a1_in1k,tf_efficientnet_lite0"], 2),
    "self-supervision": (["--arms", "target,source", "--levels", "steps=56", "--levels", "images=0"], 2),
    "resolution": (["--levels", "size=32,48"], 4),
    "confounding": (["--arms", "imagenet,random", "--levels", "confounding=0.0,1.0"], 4),
}
#: Those that run on a network of a few weights here; the others start from the weights of ImageNet that are installed.
ANY_NETWORK = ("depth", "labels", "resolution", "confounding")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    sites = {"site-a": 60, "site-b": 48, "site-c": 16}
    return folder(tmp_path_factory.mktemp("data") / "set", sites, side=48)


@pytest.fixture
def in_process(monkeypatch):
    """Makes runs by the very words of their commands, without a process for each."""
    # read when the hub's package is imported, perhaps by a test before
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def outcomes(self, runs, out, progress):
        for run in runs:
            words = run.words(out, 1, "cpu")
            result = CliRunner().invoke(app, words)
            reason = str(result.exception) if result.exception else ""
            yield Outcome(run, "done" if result.exit_code == 0 else "failed", 1.0, reason)

    monkeypatch.setattr(local.Workers, "outcomes", outcomes)


@pytest.mark.parametrize("name", SMALLEST)
def test_a_built_in_study_runs_to_its_report_by_one_command(name, images, in_process, monkeypatch, tmp_path, request):
    smaller, count = SMALLEST[name]
    if name in ANY_NETWORK:
        smaller = [*smaller, "--set", "arch=test_resnet"]
        request.getfixturevalue("any_weights")
    out = tmp_path / "out"
    words = ["study", "run", name, "--data", str(images), *TINY, *smaller, "--out", str(out)]
    if name == "self-supervision":
        words += ["--set", "width=8", "--set", "pretrain_batch=4", "--set", "start=random", "--set", "arch=test_resnet"]
    result = CliRunner().invoke(app, words)
    noted = stored.read(out)
    assert len(noted.runs) == count
    done = len(list(out.glob("*/*/seed-0/card.json")))
    if name == "architectures":  # without a network, only one of the two has its weights
        assert done == 1
        assert isinstance(result.exception, MedshiftError)
        assert "1 of 2 runs failed:\n  imagenet-finetune+arch=resnet18.a1_in1k" in str(result.exception)
        assert "A rank correlation needs 3 cells or more; finished: 1." in result.output
    else:
        assert (done, result.exception) == (count, None)
    assert "differs from the study: 1 seed instead of 3\n" in result.output
    assert re.search(r"^(supported|refuted|not shown): ", result.output, re.MULTILINE)
    page = (out / "index.html").read_text()
    assert registry.load_study(name).study.claim.split(",")[0] in page
    assert "One seed says little" in page
    assert {path.suffix for path in (out / "figures").iterdir()} == {".svg"}
    assert (out / "study.csv").read_text().startswith("arm,baseline,")
    assert ("The question is not answered" in page) == (name == "transfer")  # without the arm `random`
    if name == "labels":
        assert " groups, " in page
        assert " images to validate" in page
    if name == "depth":  # the course of trainings is kept: steps until most of the gain, of those that gain anything
        assert "common-95" in stored.read(out).study.draw
    if name == "confounding":
        kinds = {path.parent.name: json.loads(path.read_text()) for path in out.glob("*/protocol.json")}
        assert sorted(each["confounded"]["cramers_v"] for each in kinds.values()) == [0.0, 1.0]
        assert {each["confounded"]["domain"] for each in kinds.values()} == {"site-b"}
    if name == "resolution":
        assert "size is only 32, 48, of" in page


def test_a_study_on_a_protocol_that_exists_makes_entries_of_its_board(images, in_process, tmp_path):
    runner = CliRunner()
    words = ["protocol", "make", "board", "--data", str(images), *TINY[:4], "--out", str(tmp_path)]
    assert runner.invoke(app, words).exit_code == 0
    (tmp_path / "small.toml").write_text(SMALL)
    given = ["--data", str(images), "--protocol", str(tmp_path / "board"), *TINY[4:]]
    out = tmp_path / "out"
    done = runner.invoke(app, ["study", "run", str(tmp_path / "small.toml"), *given, "--out", str(out)])
    assert done.exit_code == 0, done.exception
    (entries,) = (path.parent for path in out.glob("*/protocol.json"))
    assert (entries / "protocol.json").read_bytes() == (tmp_path / "board" / "protocol.json").read_bytes()
    assert len(list(entries.glob("*/seed-0/card.json"))) == 2
    for words, said in [
        (["labels", *given], "makes protocols of its own over labels: leave out --protocol"),
        (["transfer", *given, "--severities", "3"], "--protocol sets domains, classes, image size and shifts"),
    ]:
        refused = runner.invoke(app, ["study", "run", *words, "--out", str(tmp_path / "other")])
        assert said in str(refused.exception)


def test_what_failed_is_told_before_what_an_analysis_lacks_for_it(images, monkeypatch, tmp_path):
    def outcomes(self, runs, out, progress):
        yield from (Outcome(run, "failed" if run.name == "random-init" else "done", 1.0, "no memory") for run in runs)

    monkeypatch.setattr(local.Workers, "outcomes", outcomes)
    words = ["study", "run", "similarity", "--data", str(images), *TINY, "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, MedshiftError)
    assert str(result.exception).startswith("1 of 2 runs failed:\n  random-init+steps=2, seed 0: no memory")


def test_data_that_do_not_suit_an_analysis_are_told_before_its_runs(images, monkeypatch, tmp_path):
    monkeypatch.setattr(cka, "LEAST_GROUPS", 1000)
    words = ["study", "run", "similarity", "--data", str(images), *TINY, "--dry-run", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, words)
    assert "CKA needs images of at least 1000 patients or other groups; there are" in str(result.exception)


@pytest.mark.slow
def test_a_study_in_a_file_runs_in_processes_and_resumes(images, tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    words = [*MEDSHIFT, "study", "run", "small.toml", "--data", str(images), *TINY, "--threads", "1"]
    first = subprocess.run([*words, "--dry-run"], cwd=tmp_path, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert lines[:2] == [
        "Does a higher rate do better?",
        "small: 2 runs, 4 steps, roughly 2 min on two cores at 64 px, less with a GPU",
    ]
    assert lines[-1] == "2 runs: 2 to do; time unknown: no finished run of these baselines"
    assert not (tmp_path / "studies").exists()
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    noted = stored.read(tmp_path / "studies" / "small")
    assert noted.command.startswith("medshift study run small.toml --data ")
    assert f"Report: {tmp_path / 'studies' / 'small' / 'index.html'}" in done.stdout
    cards = sorted((tmp_path / "studies" / "small").glob("*/*/seed-0/card.json"))
    before = [path.stat().st_mtime_ns for path in cards]
    again = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert "2 of 2 runs are done already" in again.stdout + again.stderr
    assert [path.stat().st_mtime_ns for path in cards] == before


@pytest.mark.slow
def test_a_study_that_was_killed_resumes(images, tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    words = [*MEDSHIFT, "study", "run", "small.toml", "--data", str(images), *TINY, "--threads", "1"]
    words[words.index("steps=2")] = "steps=400"
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        end = time.monotonic() + 300
        while not list((tmp_path / "studies").glob("small/*/*/seed-0/card.json")) and time.monotonic() < end:
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
    (kept,) = (tmp_path / "studies").glob("small/*/*/seed-0/card.json")
    before = kept.stat().st_mtime_ns
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert kept.stat().st_mtime_ns == before
    assert len(list((tmp_path / "studies").glob("small/*/*/seed-0/card.json"))) == 2
    assert (tmp_path / "studies" / "small" / "index.html").exists()


def test_an_option_that_is_typed_at_its_default_goes_before_the_study_s_own(images, tmp_path):
    own = f'[protocol]\ndata = "{images}"\nshifts = ["gamma"]\nseverities = [1, 3]\n\n[arms.ours]'
    (tmp_path / "small.toml").write_text(SMALL.replace("[arms.ours]", own))
    words = ["study", "run", str(tmp_path / "small.toml"), "--dry-run", "--out", str(tmp_path / "out")]
    shown = CliRunner().invoke(app, [*words, "--severities", "1,2,3,4,5", "--modality", "any"])
    assert shown.exit_code == 0, shown.exception
    assert "differs from the study: severities: 1, 2, 3, 4, 5\n" in shown.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "unknown study 'nothing'."),
        (["transfer", "--levels", "budget"], "--levels takes axis=level[,level], not 'budget'"),
        (["transfer", "--levels", "budget=short", "--levels", "budget=long"], "--levels budget is given twice"),
        (["transfer", "--set", "steps"], "--set takes key=value, not 'steps'"),
        (["transfer", "--set", "a=1", "--set", "a=2"], "--set a is given twice: a study takes one value"),
        (["transfer", "--set", "budget=short", "--budget", "long"], "--budget long and --set budget=short both say"),
        (["transfer", "--set", "steps=2", "--budget", "long"], "--budget long and --set steps=2 both say how long"),
        (["transfer", "--modality", "mr"], "--modality mr: how images are read goes with --data DIR"),
        (["transfer", "--out", "x.html"], "--out x.html: give a folder, not a file; a study is written into it"),
        (["missing.toml"], "missing.toml cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_word_is_told_before_anything_is_loaded(words, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["study", "run", *words])
    assert isinstance(result.exception, MedshiftError)
    assert said in str(result.exception)


def test_the_list_has_questions_and_costs(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    records = json.loads(CliRunner().invoke(app, ["study", "list", "--json"]).output)
    assert {each["name"] for each in records} >= set(registry.BUILTINS)
    assert all(each["question"].endswith("?") for each in records)
    transfer = next(each for each in records if each["name"] == "transfer")
    assert (transfer["runs"], transfer["steps"], transfer["problem"]) == (36, 117_000, "")
    text = CliRunner().invoke(app, ["study", "run", "--help"]).output
    assert "transfer: 36 runs, 117,000 steps" in text


def test_a_protocol_that_ranks_by_what_should_be_low_is_refused(images, tmp_path, home):
    words = ["protocol", "make", "rank", "--data", str(images), *TINY[:4], "--out", str(tmp_path)]
    made = CliRunner().invoke(app, words)
    assert made.exit_code == 0, made.exception
    (path,) = tmp_path.glob("*/protocol.json")
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"metrics": ["brier", "balanced_accuracy"]}))
    words = ["study", "run", "transfer", "--data", str(images), "--protocol", str(path.parent), "--seeds", "1"]
    words += ["--arms", "imagenet,cbr", "--budget", "short", "--out", str(tmp_path / "s")]
    done = CliRunner().invoke(app, words)
    assert "ranks by Brier score, of which less is better" in str(done.exception)


def test_a_strength_that_few_images_do_not_allow_is_left_out_as_the_message_says(tmp_path, home):
    where = folder(tmp_path / "set", {"site-a": 24, "site-b": 24, "site-c": 12})
    words = ["study", "run", "confounding", "--data", str(where), "--dry-run", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, *TINY[:4]])
    told = str(done.exception)
    assert "which is more than 0.05 off: leave this level out, --levels confounding=" in told
    levels = told.partition("confounding=")[2].partition(", or")[0]
    assert "0.0" not in levels.split(",")
