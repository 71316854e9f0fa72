"""`medshift new shift` writes a package that installs, passes its own test and the contract, and runs."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from folders import folder
from typer.testing import CliRunner

from medshift.benchmark import scaffold
from medshift.benchmark.cli import app
from medshift.shifts.errors import MedshiftError

MEDSHIFT = [sys.executable, "-m", "medshift.benchmark.cli"]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    where = tmp_path_factory.mktemp("new") / "medshift-acme-light"
    result = CliRunner().invoke(app, ["new", "shift", "acme-light", "--out", str(where)])
    assert result.exit_code == 0, result.output
    assert "medshift check shift acme-light" in result.output
    return where


@pytest.fixture(scope="module")
def environment(package, tmp_path_factory):
    """Returns the variables of a process that has the package installed; the source stays as it was written."""
    before = sorted(package.rglob("*"))
    site = tmp_path_factory.mktemp("site")
    copy = tmp_path_factory.mktemp("copy")
    for path in package.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(package)).parent.mkdir(exist_ok=True, parents=True)
            (copy / path.relative_to(package)).write_bytes(path.read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", site, copy], check=True)
    assert sorted(package.rglob("*")) == before
    home = tmp_path_factory.mktemp("home")
    return {**os.environ, "PYTHONPATH": str(site), "MEDSHIFT_HOME": str(home), "OMP_NUM_THREADS": "1"}


def test_the_package_is_complete_and_clean(package):
    files = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert files == {
        "pyproject.toml",
        "README.md",
        "medshift_acme_light.py",
        "tests/test_medshift_acme_light.py",
    }
    for path in package.rglob("*.*"):
        if path.is_file():
            assert "${" not in path.read_text()
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F,I"]
    checked = subprocess.run([*ruff, "--line-length", "120", str(package)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_its_own_test_passes(package, environment):
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package / "tests")]
    done = subprocess.run(pytest_, cwd=package, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_check_shift_knows_it(environment):
    done = subprocess.run([*MEDSHIFT, "check", "shift", "acme-light"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "acme-light: ok\n")


def test_it_runs_by_name_beside_a_built_in(environment, tmp_path):
    images = folder(tmp_path / "set")
    command = [*MEDSHIFT, "run", "--baseline", "scratch", "--set", "arch=test_resnet", "--set", "epochs=1"]
    command += ["--data", str(images), "--out", str(tmp_path / "out"), "--threads", "1", "--severities", "2,5"]
    both = [*command, "--shifts", "acme-light,gamma"]
    done = subprocess.run(both, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (card,) = (tmp_path / "out").glob("*/*/seed-0/card.json")
    assert set(json.loads(card.read_text())["shifts"]) == {"acme-light", "gamma"}
    protocol = json.loads((card.parent.parent.parent / "protocol.json").read_text())
    assert protocol["shifts"] == {"acme-light": "plug-in", "gamma": "contrast"}
    rows = pd.read_parquet(card.parent / "predictions.parquet")
    keys = {"site-a/acme-light@2", "site-a/acme-light@5", "site-a/gamma@2", "site-a/gamma@5"}
    assert keys <= set(rows["condition"])
    columns = [name for name in rows if name.startswith("p")]
    clean, lit = (rows[rows["condition"] == key][columns].to_numpy(float) for key in ("site-a", "site-a/acme-light@5"))
    assert np.abs(clean - lit).max() > 1e-6
    only = [*command, "--shifts", "acme-light,gamma", "--family", "plug-in"]
    assert subprocess.run(only, env=environment, capture_output=True).returncode == 0
    families = [json.loads(p.read_text())["shifts"] for p in (tmp_path / "out").glob("*/protocol.json")]
    assert {"acme-light": "plug-in"} in families
    # without the package: one line, and nothing else breaks
    gone = subprocess.run(both, env={**environment, "PYTHONPATH": ""}, capture_output=True, text=True)
    assert gone.returncode == 1
    assert gone.stderr.splitlines()[-1].startswith("medshift: unknown shift 'acme-light'.")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gamma", "there is a shift 'gamma' already, of medshift"),
        ("Acme", "small letters and digits"),
        ("acme_light", "small letters and digits"),
        ("2d", "small letters and digits"),
        ("../x", "small letters and digits"),
    ],
)
def test_names_that_will_not_do(name, message, tmp_path):
    with pytest.raises(MedshiftError, match=message):
        scaffold.new_shift(name, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(MedshiftError, match="is not an empty folder"):
        scaffold.new_shift("acme-light", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["at", "lambda", "torch", "x"])
def test_awkward_names_still_make_modules_that_load(name, tmp_path):
    module, *_ = scaffold.new_shift(name, tmp_path / name)
    scope = {"__name__": "made"}
    exec(compile(module.read_text(), str(module), "exec"), scope)
    assert any(callable(value) and getattr(value, "unit", "") == "lost" for value in scope.values())
