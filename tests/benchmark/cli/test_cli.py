"""The command line: fast where it only answers, one clear line where the user was wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest
from helpers.cli import MEDSHIFT, medshift
from helpers.images.image_folders import edit, folder
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.shifts.errors import MedshiftError

HEAVY = ("torch", "timm", "sklearn", "matplotlib", "monai", "torchio", "nilearn")


#: In this order: what one has imported stays.
LISTS = (
    ["list", "shifts"],
    ["list", "baselines"],
    ["list", "baselines", "--json"],
    ["list", "datasets"],
    ["data", "list"],
)
HELP = (["--help"], ["--version"], ["run", "--help"], ["data", "--help"])
WRONG = (["data", "add", "name", "gone"], ["run", "--baseline", "imagenet-finetun"])
ONE_BY_ONE = """
import contextlib, io, json, sys
from medshift.benchmark.cli.main import main
for words in json.load(sys.stdin):
    sys.argv = ["medshift", *words]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main()
    print(json.dumps([said.getvalue(), sorted(name for name in sys.modules if "." not in name)]))
"""


def test_answers_without_heavy_imports():
    asked = (*LISTS, *HELP, *WRONG)
    command = [sys.executable, "-c", ONE_BY_ONE]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for words, (said, imported) in zip(asked, answers, strict=True):
        assert bool(said) == (words not in WRONG), words
        assert not set(HEAVY) & set(imported), words
        if words in LISTS:
            assert not {"pandas", "pyarrow"} & set(imported), words
    assert done.stderr.count("medshift: ") == len(WRONG)


def test_the_version_is_printed():
    assert medshift("--version").stdout == f"medshift {version('medshift')}\n"


def test_the_lists_name_everything():
    shifts = medshift("list", "shifts").stdout
    assert "gaussian-noise" in shifts
    assert "rician-noise" in shifts
    baselines = medshift("list", "baselines").stdout
    for name in ("imagenet-finetune", "scratch", "adabn"):
        assert f"{name}  (sees: " in baselines
    assert "SIMULATED" in medshift("list", "datasets").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--baseline", "imagenet-finetun"], "unknown baseline 'imagenet-finetun'. Did you mean 'imagenet-finetune'"),
        (["--baseline", "scratch", "--set", "lrr=1"], "no hyper-parameter 'lrr'. Did you mean 'lr'"),
        (["--baseline", "scratch", "--set", "lr=.1", "--set", "lr=.2"], "--set lr is given twice, as .1 and .2"),
        (
            ["--baseline", "scratch", "--budget", "short", "--set", "budget=long"],
            "--budget short and --set budget=long",
        ),
        (
            ["--baseline", "scratch", "--budget", "short", "--set", "steps=2"],
            "--budget short and --set steps=2 both say how long to train",
        ),
        (["--baseline", "scratch", "--set", "lr=fast"], "--set lr=fast: "),
        (["--baseline", "scratch", "--set", "lr=-1"], "lr must be in (0, 10]"),
        (["--baseline", "scratch", "--set", "lr"], "--set takes key=value"),
        (["--baseline", "scratch", "--severities", "1,six"], "invalid --severities '1,six': use whole numbers"),
        (["--baseline", "scratch", "--severities", "0,6"], "severities must be among 1, 2, 3, 4, 5"),
        (
            ["--baseline", "scratch", "--shifts", "gausian-noise"],
            "unknown shift 'gausian-noise'. Did you mean 'gaussian-",
        ),
        (
            ["--baseline", "scratch", "--shifts", "stain-he"],
            "'stain-he' does not accept the 2-D images with 1 channel of",
        ),
        (["--baseline", "scratch", "--family", "nois"], "unknown family 'nois'. Did you mean 'noise'"),
        (["--baseline", "scratch", "--source", "site-d"], "unknown domain 'site-d'. Did you mean "),
        (["--baseline", "scratch", "--targets", "site-bb"], "unknown domain 'site-bb'. Did you mean 'site-b'"),
        (["--baseline", "scratch", "--modality", "mri"], "unknown modality 'mri'. Did you mean 'mr'"),
        (["--baseline", "scratch", "--device", "tpu"], "--device tpu: "),
        (["--baseline", "scratch", "--dataset", "brain-mri-sim"], "give --dataset NAME or --data DIR, not both"),
        (["--baseline", "scratch", "--set", "arch=resnet1"], "timm has no architecture 'resnet1'. Did you mean "),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_wrong_input_is_one_line_and_nothing_is_written(tmp_path, words, message):
    """In this process: each of its own imports timm for five seconds. What such a line looks like is tested below."""
    where = folder(tmp_path / "set")
    done = CliRunner().invoke(app, ["run", "--data", str(where), "--out", str(tmp_path / "out"), *words])
    assert isinstance(done.exception, MedshiftError), done.output
    assert message in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not list((tmp_path / "out").rglob("card.json"))
    assert not list((tmp_path / "out").rglob("*.part"))


def process(*words):
    return subprocess.run([*MEDSHIFT, *map(str, words)], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("start", "words", "message"),
    [
        (process, ["--baseline", "scratch", "--set", "lrr=1"], "no hyper-parameter 'lrr'. Did you mean 'lr'"),
        (medshift, ["--baseline", "imagenet-finetun"], "unknown baseline 'imagenet-finetun'. Did you mean 'imagenet-"),
        (medshift, ["--baseline", "scratch", "--source", "site-d"], "unknown domain 'site-d'. Did you mean "),
    ],
    ids=["hyper-parameter", "baseline", "source"],
)
def test_an_error_is_one_line_of_the_program_with_its_status(tmp_path, start, words, message):
    done = start("run", "--data", folder(tmp_path / "set"), "--out", tmp_path / "out", *words)
    assert done.returncode == 1, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("medshift: ")]
    assert len(said) == 1
    assert message in said[0]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("images/site-a-004.png", "images/gone.png", "images/gone.png: no such file"),
        ("label", "diagnosis", "has no column 'label'"),
    ],
)
def test_damaged_folders(tmp_path, old, new, message):
    where = edit(folder(tmp_path / "set"), old, new)
    done = medshift("run", "--baseline", "scratch", "--data", where, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_group_in_two_splits_is_named(tmp_path):
    where = folder(tmp_path / "set")
    path = where / "manifest.csv"
    head, *rows = path.read_text().splitlines()
    splits = ["train", "val", "test"]
    given = [f"{row},{splits[index // 2 % 3] if 'site-a' in row else 'test'}" for index, row in enumerate(rows)]
    given[0] = given[0].replace(",train", ",test")
    path.write_text("\n".join([f"{head},split", *given]) + "\n")
    done = medshift("run", "--baseline", "scratch", "--data", where, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "1 group in both source train and a test split: site-a-p0" in done.stderr


def test_preview_draws_a_contact_sheet(tmp_path):
    where = folder(tmp_path / "set")
    out = tmp_path / "sheets" / "noise.png"
    done = medshift("shifts", "preview", "--data", where, "--family", "noise", "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes().startswith(b"\x89PNG")
    assert done.stdout.strip() == str(out)
