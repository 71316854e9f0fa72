"""Lists for people and for programs."""

from __future__ import annotations

import json
import shutil

import pytest
from helpers.images.image_folders import folder
from rich.console import Console
from typer.testing import CliRunner

from medshift.benchmark.cli.commands.data.summary import counts_by_class, counts_in_rows
from medshift.benchmark.cli.main import app
from medshift.benchmark.contract import registry
from medshift.benchmark.datasets import catalogue as datasets
from medshift.benchmark.datasets import manifest, store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.reporting.terminal import fits
from medshift.shifts import catalogue


def run(*words, columns=""):
    done = CliRunner().invoke(app, words, env={"COLUMNS": columns, "FORCE_COLOR": None})
    assert done.exit_code == 0, done.exception
    return done.stdout


def as_json(*words):
    found = json.loads(run(*words, "--json"))
    assert all(set(each) == set(found[0]) for each in found)
    return {each["name"]: each for each in found}


def test_a_shift_is_described_in_words():
    result = CliRunner().invoke(app, ["list", "shifts", "jpeg"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "jpeg  (artefact; any)" in result.stdout
    assert "libjpeg's quality factor" in result.stdout
    assert "severities 1 to 5: 60, 40, 26, 16, 10 (quality)" in result.stdout
    assert as_json("list", "shifts", "jpeg")["jpeg"]["unit"] == "quality"
    result = CliRunner().invoke(app, ["list", "shifts", "jpg"])
    assert result.exit_code
    assert "jpeg" in str(result.exception)


@pytest.fixture
def stored(home, tmp_path):
    """Two stored sets, one of them damaged."""
    add("ward", folder(tmp_path / "set", names=("healthy", "Ödem")), Options(modality="xray"))
    shutil.copytree(store.folder("ward"), store.folder("broken"))
    (store.folder("broken") / store.FACTS).write_text("{}")


def test_shifts_as_json():
    found = as_json("list", "shifts")
    assert set(found) >= set(catalogue.BUILTINS)
    assert found["bias-field"] == {
        "name": "bias-field",
        "family": "artefact",
        "modalities": list(catalogue.BUILTINS["bias-field"].modalities),
        "summary": catalogue.BUILTINS["bias-field"].summary,
        "unit": "max/min-1",
        "version": 1,
        "dims": [2, 3],
        "channels": [0],
        "origin": catalogue.TABLE.origin("bias-field"),
        "problem": "",
    }


def test_baselines_as_json():
    found = as_json("list", "baselines")
    assert set(found) >= set(registry.BUILTINS)
    assert set(found["scratch"]) == {"name", "sees", "summary", "paper", "origin", "problem"}
    assert found["scratch"]["sees"] == "source"
    one = as_json("list", "baselines", "tent")["tent"]
    assert one["settings"]["budget"] == "standard"
    assert "lr" in one["tune"]


def test_data_sets_as_json(stored):
    found = as_json("list", "datasets")
    assert {name: found[name]["kind"] for name in ("brain-mri-sim", "ward", "camelyon17")} == {
        "brain-mri-sim": "built-in",
        "ward": "stored",
        "camelyon17": "public",
    }
    kept = as_json("data", "list")
    assert kept["ward"] | {"version": "", "folder": ""} == {
        "name": "ward",
        "version": "",
        "modality": "xray",
        "classes": ["healthy", "Ödem"],
        "images": 128,
        "channels": 1,
        "image_size": [32, 32],
        "dtype": "uint8",
        "licence": "",
        "simulated": False,
        "folder": "",
        "shadowed_by": "",
        "problem": "",
    }
    assert "is damaged" in kept["broken"]["problem"]
    assert kept["broken"]["images"] is None


def test_a_protocol_as_json(fabricate, tmp_path):
    where, made, rows = fabricate.contest(tmp_path)
    found = json.loads(run("protocol", "show", str(where), "--json"))
    assert found["sha256"] == made.sha256
    assert found["targets"] == list(made.targets)
    assert sum(count["images"] for count in found["counts"]) == len(rows)
    assert all(sum(count["classes"].values()) == count["images"] for count in found["counts"])


@pytest.mark.parametrize("words", [("list", "shifts"), ("list", "datasets"), ("data", "list")], ids=" ".join)
def test_lists_break_no_name_at_80_columns_and_no_row_in_a_pipe(stored, words):
    names = as_json(*words)
    narrow, piped = run(*words, columns="80"), run(*words)
    starts = [line.split(maxsplit=1)[0] for line in narrow.splitlines() if line and not line.startswith(" ")]
    assert set(names) <= set(starts)
    rows = [line for line in piped.splitlines() if line.split(maxsplit=1)[0] in names]
    assert len(rows) == len(names)
    assert "…" not in narrow + piped


def test_many_classes_are_counted_in_rows_where_columns_do_not_fit(tmp_path):
    names = tuple(f"finding-{number}-of-the-left-lung" for number in range(9))
    dataset = manifest.read_manifest(folder(tmp_path / "set", {"site-a": 18, "site-b": 36}, names=names))
    screen = Console(width=80)
    assert not fits(screen, counts_by_class(dataset))
    rows = counts_in_rows(dataset)
    assert fits(screen, rows)
    cells = list(zip(*(column.cells for column in rows.columns), strict=True))
    assert cells[0] == ("site-b", names[0], "4", "2")
    assert [cell for cell in cells if cell[1] == "all"] == [("site-b", "all", "36", "18"), ("site-a", "all", "18", "9")]
    assert len(cells) == 2 * (9 + 1)


@pytest.mark.parametrize(
    ("words", "table", "name", "nouns"),
    [
        ("baselines", registry.TABLE, "scratch", "baselines"),
        ("datasets", datasets.TABLE, "brain-mri-sim", "data sets"),
        ("shifts", catalogue.TABLE, "gamma", "shifts"),
    ],
)
def test_a_list_says_who_else_claims_a_name_of_medshift(monkeypatch, words, table, name, nouns):
    line = f"two {nouns} are named {name!r}: one from medshift itself, one from acme 1.0. "
    monkeypatch.setitem(table.__dict__, "clashes", {name: line})
    assert run("list", words).count(line.strip()) == 1
