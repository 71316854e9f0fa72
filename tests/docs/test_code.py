"""The code in README and docs runs: Python on small data, commands against the program's own parser."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from helpers import factories, markdown_pages
from helpers.images import image_folders
from helpers.markdown_pages import ROOT, Block

from medshift.baselines.common import recipe
from medshift.benchmark import check_baseline, check_dataset
from medshift.benchmark.cli.main import app
from medshift.benchmark.datasets import catalogue
from medshift.leaderboard import build_leaderboard

BLOCKS = markdown_pages.blocks()
LANGUAGES = {
    "sh",
    "python",
    "pycon",
    "toml",
    "yaml",
    "json",
    "csv",
    "text",
}  # `text` is what is printed, or no code at all
COMMANDS = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
WORD = re.compile(r"(?:\w+=\S* )*(medshift|make|pip|python)\b")


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def test_every_block_says_what_it_is():
    assert [block.title for block in BLOCKS if block.language not in LANGUAGES] == []
    assert len(of("python")) > 12
    assert len(of("sh")) > 40


# --- Python


def by_brightness(images):
    """Stand for a model that a reader has."""
    sick = images.amax((1, 2, 3))
    return np.stack((1 - sick, sick), 1)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder as the pages suppose it: `scans`, `submissions`, and the `site` made of it."""
    root = tmp_path_factory.mktemp("reader")
    image_folders.folder(root / "scans", {"site-a": 120, "site-b": 40, "site-c": 40})
    where, protocol, rows = factories.contest(
        root / "submissions", factories.table(), name="board", shifts={"gamma": "contrast"}
    )
    training = factories.trained(300)
    curve = factories.course(training)
    for number, name in enumerate(("one", "two", "three")):
        factories.submission(where, protocol, rows, name, 0, skill=1 + number, training=training, curve=curve)
    (root / "DIR").symlink_to(root / "scans")
    build_leaderboard(root / "submissions", root / "site")
    return root


def by_page() -> list[object]:
    """One case per page with Python; one more, slow, per page with blocks that train."""
    cases = []
    for page in {block.page: None for block in of("python")}:
        mine = [block for block in of("python") if block.page == page]
        slow = any(block.said == "slow" for block in mine)
        name = str(page.relative_to(ROOT))
        cases.append(pytest.param([block for block in mine if block.said != "slow"], id=name))
        if slow:
            cases.append(pytest.param(mine, id=f"{name}, all", marks=pytest.mark.slow))
    return cases


@pytest.mark.parametrize("blocks", by_page())
def test_python_runs_as_it_stands(blocks, place, home, monkeypatch, capsys):
    monkeypatch.chdir(place)
    module = types.ModuleType("page")  # which dataclasses look up
    module.my_model, module.images, module.ids = by_brightness, torch.full((2, 1, 16, 16), 0.5), ["a", "b"]
    monkeypatch.setitem(sys.modules, "page", module)
    monkeypatch.setattr(recipe, "BUDGETS", dict.fromkeys(recipe.BUDGETS, 20))  # the code as it stands, but few steps
    for block in blocks:
        needs = block.said.removeprefix("needs ").split(", ") if block.said.startswith("needs ") else []
        if all(importlib.util.find_spec(need) for need in needs):
            exec(compile("\n" * block.line + block.text, block.title, "exec"), vars(module))
        else:
            ast.parse(block.text)


def test_a_baseline_with_a_loop_of_its_own_keeps_the_contract(tmp_path, monkeypatch):
    page = [block.text for block in of("python") if block.page.name == "plug-in.md"]
    text = "\n\n".join(next([*page[:at], block] for at, block in enumerate(page) if "NearestMean" in block))
    (tmp_path / "of_the_page.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert check_baseline("of_the_page:NearestMean") == []


def test_a_data_set_made_by_hand_keeps_the_contract(monkeypatch):
    (text,) = (block.text for block in of("python") if "def acme_lungs" in block.text)
    module = types.ModuleType("of_the_page")
    exec(text, vars(module))
    monkeypatch.setitem(sys.modules, "of_the_page", module)
    monkeypatch.setitem(catalogue.BUILTINS, "acme-lungs", "of_the_page:acme_lungs")
    assert check_dataset("acme-lungs") == []


# --- commands


def commands(text: str) -> list[str]:
    """Split a script into its commands, without comments, loops and redirections."""
    text = re.sub(r"\\\n\s*", " ", text)
    found = []
    for line in text.splitlines():
        if not re.search(r"\b(medshift|make|pip|python)\b", line):
            continue
        words = shlex.shlex(re.sub(r"\$\{?\w+\}?", "1", line), posix=False, punctuation_chars="();<>|&")
        words.whitespace_split = True
        words.commenters = "#"
        part: list[str] = []
        for word in [*words, ";"]:
            if set(word) <= set("();|&<>") or word in ("do", "done", "then", "||", "&&"):
                found.append(" ".join(part))
                part = []
            else:
                part.append(word)
    return [command for command in found if command]


def fault(command: str) -> str:
    """Say what is wrong with a command; empty if nothing is, or if it is not one that we know."""
    match = WORD.match(command)
    if match is None:
        return ""
    words = shlex.split(command[match.start(1) :])
    if words[0] == "medshift":
        return parsed(words[1:])
    if words[0] == "make":
        wrong = [word for word in words[1:] if "=" not in word and word not in TARGETS]
    elif words[0] == "pip":
        wrong = [word for word in re.findall(r"medshift\[([\w,]+)\]", command) if not set(word.split(",")) <= EXTRAS]
    else:
        wrong = [
            word for word in words[1:2] if word.endswith(".py") and "NAME" not in word and not (ROOT / word).exists()
        ]
    return f"unknown: {wrong}" if wrong else ""


def parsed(words: list[str]) -> str:
    """Parse the words of a command as the program does, without running it."""
    command, path, context = COMMANDS, "medshift", None
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"no command {path} {words[0]}"
        path, command, words = f"{path} {words[0]}", command.commands[words[0]], words[1:]
    if hasattr(command, "commands"):
        return "" if words in (["--help"], ["--version"]) else f"{path} needs a command"
    if "--help" in words:
        return ""
    try:
        command.make_context(path, list(words), parent=context)
    except Exception as error:  # of the parser, whose classes differ between versions of Typer
        message = getattr(error, "message", "") or str(error)
        missing = "does not exist" in message  # files of the reader
        return "" if missing else f"{path}: {type(error).__name__}: {message}"
    return ""


@pytest.mark.parametrize("block", of("sh"), ids=lambda block: block.title)
def test_commands_are_understood_by_the_program(block):
    found = {command: fault(command) for command in commands(block.text)}
    assert {command: why for command, why in found.items() if why} == {}


def test_commands_within_lines_are_understood_as_well():
    wrong = {}
    for page in markdown_pages.pages():
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
        for command in re.findall(r"`(medshift [a-z][^`]*)`", text):
            words = shlex.split(command.replace("...", "").replace("[", "").replace("]", ""))
            options = [word for word in words if word.startswith("--")]
            why = unknown(words[1:], options)
            if why:
                wrong[f"{page.relative_to(ROOT)}: {command}"] = why
    assert wrong == {}


def unknown(words: list[str], options: list[str]) -> str:
    """Say which command or option is unknown; required values may be left out where a page only names a command."""
    command = COMMANDS
    for word in words:
        if hasattr(command, "commands") and not word.startswith("-"):
            if word not in command.commands:
                return f"no command {word}"
            command = command.commands[word]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return ", ".join(option for option in options if option.partition("=")[0] not in {*known, "--help"})


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("medshift run --basline scratch", "--basline"),
        ("medshift rn", "no command medshift rn"),
        ("medshift data", "needs a command"),
        ("medshift run --seeds many", "integer"),
        ("make everything", "unknown"),
        ("pip install 'medshift[all]'", "unknown"),
        ("python tests/studies/none.py", "unknown"),
    ],
)
def test_a_wrong_command_is_found(command, why):
    assert why in fault(command)


def test_loops_pipes_and_continued_lines_are_taken_apart():
    loop = "for v in 0 1; do\n  medshift protocol make mix-$v \\\n    --confound $v > log  # made\ndone\n"
    text = loop + "A=1 medshift run | cat\n"
    assert [one for one in commands(text) if "medshift" in one] == [
        "medshift protocol make mix-1 --confound 1", "A=1 medshift run"
    ]  # fmt: skip


# --- other files


@pytest.mark.parametrize("block", of("json"), ids=lambda block: block.title)
def test_json_is_read(block):
    assert json.loads(block.text)


@pytest.mark.parametrize("block", of("toml"), ids=lambda block: block.title)
def test_toml_is_read(block):
    assert tomllib.loads(block.text)


def test_what_a_reader_of_scores_gets_is_numbers(place):
    import pandas as pd

    table = pd.read_csv(place / "site" / "scores.csv")
    assert np.isfinite(table[table.name == "clean"].value).all()
    assert {"entry", "kind", "name", "metric", "value", "low", "high"} <= set(table.columns)
    assert Path(place / "site" / "scores.json").exists()
