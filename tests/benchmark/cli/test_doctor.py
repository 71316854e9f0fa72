"""What `medshift doctor` says of a machine, for a bug report."""

from __future__ import annotations

import getpass
import os
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medshift.benchmark.cli.commands import doctor
from medshift.benchmark.cli.main import app

ROOT = Path(__file__).resolve().parents[3]


def lines(**env):
    done = CliRunner().invoke(app, ["doctor"], env=env)
    assert done.exit_code == 0, done.exception
    return dict(re.split(r"\s+", line, maxsplit=1) for line in done.stdout.splitlines())


def test_it_sees_the_machine_and_names_neither_person_nor_path(home, tmp_path):
    (home / "kept").mkdir(parents=True)
    (home / "kept" / "weights.pt").write_bytes(bytes(2_500_000))
    found = lines()
    assert found["medshift"] == metadata.version("medshift")
    assert "set by MEDSHIFT_HOME, 2.5 MB in 1 file" in found["cache"]
    assert found["device"].startswith(("cpu (", "cuda ("))
    text = " ".join(found.values())
    assert str(home) not in text
    assert str(Path.home()) not in text
    assert getpass.getuser() not in re.split(r"\W+", text)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root can write anywhere")
def test_a_cache_that_cannot_be_written_is_said_with_what_to_do(tmp_path):
    tmp_path.chmod(0o500)
    assert "NOT WRITABLE: set MEDSHIFT_HOME" in lines(MEDSHIFT_HOME=str(tmp_path / "cache"))["cache"]


def test_every_extra_of_the_package_is_explained_and_missing_packages_are_named(monkeypatch):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(doctor.EXTRAS) == set(declared) - {"dev"}
    present = metadata.version

    def version(name):
        if name == "ray":
            raise metadata.PackageNotFoundError(name)
        return present(name)

    monkeypatch.setattr(metadata, "version", version)
    assert lines()["[ray]"].startswith("needs pip install 'medshift[ray]' (ray): ")


def test_a_torch_that_does_not_import_is_said_in_a_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert lines()["torch"].startswith("does not import: ")
