"""The README: short, its links lead somewhere, and what it shows runs."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import torch
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.shifts import catalogue

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
SHELL = "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
LINES = [line.partition("#")[0].strip() for line in SHELL.split("\n")]
COMMANDS = sorted({*LINES, *re.findall(r"`((?:medshift|make) [^`]*)`", TEXT)})
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


def test_it_is_read_in_two_minutes():
    assert len(TEXT.splitlines()) <= 120


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_a_link_leads_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make")])
def test_a_target_is_in_the_makefile(command):
    assert command.split()[1] in TARGETS


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("medshift")])
def test_a_command_has_the_options_that_are_shown(command):
    words = shlex.split(command)[1:]
    names = [word for word in words if not word.startswith("-")]
    for length in (2, 1):  # `new shift`, `run`
        done = CliRunner().invoke(app, [*names[:length], "--help"], env={"COLUMNS": "200"})
        if done.exit_code == 0:
            break
    assert done.exit_code == 0, done.output
    assert set(words) & {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", done.output))


def test_the_python_runs(tmp_path, monkeypatch, home, capsys):
    folder(tmp_path / "DIR", {"site-a": 48, "site-b": 16})
    monkeypatch.chdir(tmp_path)

    def brightest(batch):
        sick = torch.sigmoid(20 * (batch.flatten(1).quantile(0.97, dim=1) - 0.6))
        return torch.stack([1 - sick, sick], 1)

    (code,) = blocks("python")
    images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    scope = {"my_model": brightest, "images": images, "ids": ["a", "b"]}
    exec(compile(code, "README.md", "exec"), scope)
    assert scope["shifted"].shape == (2, 1, 16, 16)
    clean, real = map(float, capsys.readouterr().out.split())
    assert 0 <= real <= 1
    assert clean > 0.9


def test_the_entry_point_is_in_a_group_that_is_read():
    (code,) = blocks("toml")
    assert set(tomllib.loads(code)["project"]["entry-points"]) == {catalogue.TABLE.group}
