"""`medshift new` writes packages that install, pass their own tests and the contract, and run."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.cli import MEDSHIFT, medshift
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark.cli import scaffold
from medshift.benchmark.cli.main import app
from medshift.shifts.errors import MedshiftError

NEW = {  # kind -> name, and what to do next
    "shift": ("acme-light", "medshift check shift acme-light"),
    "baseline": ("acme-net", "medshift check baseline acme-net"),
    "dataset": ("acme-scans", "medshift check dataset acme-scans"),
}
# no process per command: its imports take most of the time
ONE_BY_ONE = """
import json, sys
from typer.testing import CliRunner
from medshift.benchmark.cli.main import app
done = [CliRunner().invoke(app, words, env=variables) for words, variables in json.load(sys.stdin)]
json.dump([[each.exit_code, each.stdout, f"{each.output}{each.exception}"] for each in done], sys.stdout)
"""


def written(kind, where):
    """Writes a plug-in by the command and returns its folder."""
    name, after = NEW[kind]
    result = CliRunner().invoke(app, ["new", kind, name, "--out", str(where)])
    assert result.exit_code == 0, result.output
    assert f"&& {after}\n" in result.output
    return where


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A shift and a data set."""
    place = tmp_path_factory.mktemp("new")
    return [written(kind, place / f"medshift-{NEW[kind][0]}") for kind in ("shift", "dataset")]


@pytest.fixture(scope="module")
def environment(packages, tmp_path_factory):
    return installed(packages, tmp_path_factory)


def installed(packages, tmp_path_factory):
    """Returns the variables of a process that has the packages installed; the sources stay as they were written."""
    site, copies = (tmp_path_factory.mktemp(name) for name in ("site", "copies"))
    copied = [shutil.copytree(package, copies / package.name) for package in packages]
    before = [sorted(package.rglob("*")) for package in packages]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", site, *copied], check=True)
    assert [sorted(package.rglob("*")) for package in packages] == before
    home = tmp_path_factory.mktemp("home")
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "MEDSHIFT_HOME": str(home), "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize(
    ("kind", "name", "line"),
    [
        ("dataset", "read-manifest", "def read_manifest_dataset("),
        ("dataset", "os", "def os_dataset("),
        ("shift", "torch", "def torch_shift("),
        ("shift", "lambda", "def lambda_shift("),
        ("baseline", "class-var", "class ClassVarBaseline("),
        ("baseline", "acme", "class Acme("),
    ],
)
def test_the_name_of_a_plug_in_shadows_nothing_that_its_module_uses(kind, name, line, tmp_path):
    module = scaffold.new(kind, name, tmp_path / "package")[0].read_text(encoding="utf-8")
    assert module.count(line) == 1


@pytest.mark.parametrize("kind", NEW)
def test_packages_are_complete_and_clean(kind, tmp_path):
    package = written(kind, tmp_path / "new")
    stem = f"medshift_{NEW[kind][0].replace('-', '_')}"
    files = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert files == {"pyproject.toml", "README.md", f"{stem}.py", f"tests/test_{stem}.py"}
    for name in files:
        assert "${" not in (package / name).read_text()
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["check", "--isolated", "--select", "E,F,I,B,UP,RUF"], ["format", "--isolated", "--check"]):
        checked = subprocess.run([*ruff, *words, "--line-length", "120", package], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout


def test_their_own_tests_pass(packages, environment, tmp_path):
    tests = [str(package / "tests") for package in packages]
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *tests]
    done = subprocess.run(pytest_, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def commands(environment, place, *given):
    """Runs commands, each with variables of its own, one after the other in a process that has the packages installed.

    Returns:
        Of each command its status, its results, and all that it said and raised.
    """
    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE],
        input=json.dumps(given),
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_they_are_checked_read_and_run_by_name_beside_what_is_built_in(environment, tmp_path):
    images = folder(tmp_path / "set")
    read = ["protocol", "make", "scans-1", "--dataset", "acme-scans", "--shifts", "gamma"]
    command = ["run", "--baseline", "scratch", "--set", "arch=test_resnet", "--set", "steps=4"]
    command += ["--data", str(images), "--out", str(tmp_path / "out"), "--threads", "1", "--severities", "2,5"]
    both = [*command, "--shifts", "acme-light,gamma"]
    only = [*command, "--shifts", "acme-light,gamma", "--family", "plug-in"]
    given = [(words, {}) for words in (["check", "shift", "acme-light"], both, only)]
    given += [(read, {"MEDSHIFT_ACME_SCANS_DIR": str(images)}), (read, {})]
    checked, first, second, made, nothing = commands(environment, tmp_path, *given)
    assert checked[:2] == [0, "acme-light: ok\n"]
    assert (first[0], second[0]) == (0, 0), (first, second)
    assert "trains on" in made[2], made
    assert "no images of acme-scans in " in nothing[2], nothing
    cards = (tmp_path / "out").glob("*/*/seed-0/card.json")
    (card,) = (path for path in cards if "gamma" in json.loads(path.read_text())["shifts"])
    assert set(json.loads(card.read_text())["shifts"]) == {"acme-light", "gamma"}
    protocol = json.loads((card.parent.parent.parent / "protocol.json").read_text())
    assert protocol["shifts"] == {"acme-light": "plug-in", "gamma": "contrast"}
    rows = pd.read_parquet(card.parent / "predictions.parquet")
    keys = {"site-a/acme-light@2", "site-a/acme-light@5", "site-a/gamma@2", "site-a/gamma@5"}
    assert keys <= set(rows["condition"])
    columns = [name for name in rows if name.startswith("p")]
    clean, lit = (rows[rows["condition"] == key][columns].to_numpy(float) for key in ("site-a", "site-a/acme-light@5"))
    assert np.abs(clean - lit).max() > 1e-6
    families = [json.loads(p.read_text())["shifts"] for p in (tmp_path / "out").glob("*/protocol.json")]
    assert {"acme-light": "plug-in"} in families
    # without the package: one line, and nothing else breaks
    gone = medshift(*both)
    assert gone.returncode == 1
    assert gone.stderr.splitlines()[-1].startswith("medshift: unknown shift 'acme-light'.")


@pytest.mark.slow
def test_a_new_baseline_installs_keeps_the_contract_and_runs(tmp_path_factory, tmp_path):
    package = written("baseline", tmp_path / "new")
    environment = installed([package], tmp_path_factory)

    def process(*words):
        return subprocess.run([*map(str, words)], cwd=tmp_path, env=environment, capture_output=True, text=True)

    tested = process(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", package / "tests")
    assert "2 passed" in tested.stdout, tested.stdout
    checked = process(*MEDSHIFT, "check", "baseline", "acme-net")
    assert (checked.returncode, checked.stdout) == (0, "acme-net: ok\n")
    light = "import sys; from medshift_acme_net import AcmeNet; assert AcmeNet(); assert 'torch' not in sys.modules"
    assert process(sys.executable, "-c", light).returncode == 0
    images = folder(tmp_path / "set", {"site-a": 200, "site-b": 40})
    command = [*MEDSHIFT, "run", "--baseline", "acme-net", "--data", images, "--shifts", "gamma", "--severities", "1"]
    command += ["--set", "steps=60", "--set", "width=16", "--set", "batch_size=8", "--threads", "1", "--out", "out"]
    done = process(*command)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").glob("*/acme-net*/seed-0/card.json")
    card = json.loads(path.read_text())
    assert card["baseline"]["distribution"] == "medshift-acme-net 0.1.0"
    assert card["baseline"]["config"]["width"] == 16
    scores = {(score["condition"], score["metric"]): score["value"] for score in card["scores"]}
    assert scores["site-a", "auroc"] > 0.9  # it learns: a method, not a stub
    wrong = process(*command, "--set", "width=12")
    assert wrong.stderr.splitlines()[-1] == "medshift: baseline 'acme-net': width must be a multiple of 8"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gamma", "shift 'gamma' exists already, in medshift"),
        ("Acme", "lower-case letters, digits"),
        ("acme_light", "lower-case letters, digits"),
        ("2d", "lower-case letters, digits"),
        ("../x", "lower-case letters, digits"),
    ],
)
def test_names_that_will_not_do(name, message, tmp_path):
    with pytest.raises(MedshiftError, match=message):
        scaffold.new("shift", name, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(MedshiftError, match="is not empty: give a new folder"):
        scaffold.new("shift", "acme-light", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_other_plug_ins_have_names_of_their_own(tmp_path):
    with pytest.raises(MedshiftError, match="baseline 'scratch' exists already, in medshift"):
        scaffold.new("baseline", "scratch", tmp_path / "x")
    with pytest.raises(MedshiftError, match="data set 'brain-mri-sim' exists already"):
        scaffold.new("dataset", "brain-mri-sim", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    module, *_ = scaffold.new("baseline", "recipe", tmp_path / "recipe")
    assert "class RecipeBaseline(Recipe):" in module.read_text()
    module, *_ = scaffold.new("dataset", "os", tmp_path / "os")
    assert "def os_dataset(" in module.read_text()
    module, *_ = scaffold.new("baseline", "none", tmp_path / "none")
    compile(module.read_text(), str(module), "exec")
    assert "class NoneBaseline(" in module.read_text()


@pytest.mark.parametrize("name", ["at", "lambda", "torch", "x"])
def test_awkward_names_still_make_modules_that_load(name, tmp_path):
    module, *_ = scaffold.new("shift", name, tmp_path / name)
    scope = {"__name__": "made"}
    exec(compile(module.read_text(), str(module), "exec"), scope)
    assert any(callable(value) and getattr(value, "unit", "") == "lost" for value in scope.values())
