"""Sites, splits, groups and the positive class, as they are typed and as they are answered."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from helpers.images.image_folders import folder
from helpers.images.made_up_data import sites
from typer.testing import CliRunner

from medshift.benchmark.audit.counts import counts
from medshift.benchmark.cli import main
from medshift.benchmark.cli.terms import print_remarks
from medshift.benchmark.datasets import store
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.protocols.plan import Choices, plan

WIEN = "St. Anna, Wien"


def typed(*words):
    return CliRunner().invoke(main.app, list(map(str, words)))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Three sites whose patients are numbered alike, with a column `split` by patient."""
    where = folder(
        tmp_path_factory.mktemp("data") / "set", {"A": 60, WIEN: 60, "Graz": 60}, side=16, names=("abnormal", "normal")
    )
    with (where / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        patient = int(row["split_group"].rpartition("-p")[2])
        row["split"] = ("Training", "validation", "testing")[patient // 10]
    with (where / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return where


def made(out, images, *words, source="A"):
    done = typed(
        *("protocol", "make", "p", "--data", images, "--shifts", "gamma", "--severities", "3", "--out", out),
        *("--source", source, *words),
    )
    assert done.exit_code == 0, done.exception
    return *read_protocol(out / "p"), done.output


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        (["--targets", WIEN], {WIEN}),
        (["--targets", f'Graz,"{WIEN}"'], {WIEN, "Graz"}),
        (["--targets", WIEN, "--targets", "Graz"], {WIEN, "Graz"}),
    ],
    ids=["whole", "quoted", "repeated"],
)
def test_domains_with_commas_are_targets(tmp_path, images, words, targets):
    protocol, _, _ = made(tmp_path, images, *words)
    assert set(protocol.targets) == targets


def test_a_domain_with_a_comma_is_a_source(tmp_path, images):
    protocol, _, _ = made(tmp_path, images, source=WIEN)
    assert (protocol.source, set(protocol.targets)) == (WIEN, {"A", "Graz"})


def test_what_was_understood_and_what_can_be_chosen_is_said_once(tmp_path, images):
    _, _, said = made(tmp_path / "plain", images)
    assert said.count("sensitivity is that of `normal`, the second class: --positive abnormal") == 1
    assert said.count("`Training`, `validation` of targets as `adapt` (80 images)") == 1
    protocol, _, said = made(tmp_path / "chosen", images, "--positive", "abnormal", "--ignore-split")
    assert "sensitivity is that of" not in said
    assert "column `split`" not in said
    assert protocol.dataset.classes == ("normal", "abnormal")
    assert typed("protocol", "check", tmp_path / "chosen" / "p", "--data", images).exit_code == 0
    assert "positive: abnormal" in typed("protocol", "show", tmp_path / "chosen" / "p").output


def test_patients_numbered_alike_are_told_and_kept_apart_on_request(tmp_path, images, home):
    alike, text = images / "alike.csv", (images / "manifest.csv").read_text()
    alike.write_text(text.replace("A-p", "p").replace(f"{WIEN}-p", "p").replace("Graz-p", "p"))
    shared = typed("data", "add", "shared", alike, "--ignore-split")
    assert "note: 30 groups occur in several domains" in shared.output
    apart = typed("data", "add", "apart", alike, "--ignore-split", "--groups-per-domain")
    assert "occur in" not in apart.output
    assert store.read(store.folder("apart")).table["group"].nunique() == 90
    read = read_manifest(alike, ignore_split=True, groups_per_domain=True)
    assert set(read.table["group"]) == set(store.read(store.folder("apart")).table["group"])
    assert "split" not in read.table
    refused = typed("protocol", "make", "p", "--dataset", "shared", "--source", "A", "--out", tmp_path)
    assert "are shared with the source A" in str(refused.exception)
    terms = ["--shifts", "gamma", "--out", tmp_path, "--groups-per-domain"]
    assert typed("protocol", "make", "p", "--dataset", "shared", "--source", "A", *terms).exit_code == 0
    assert typed("protocol", "check", tmp_path / "p", "--dataset", "shared").exit_code == 0


def test_notes_of_the_data_are_printed_before_training_and_folded_if_they_are_many(capsys):
    few, many = (
        replace(sites({"A": 30, "B": 30}), notes=tuple(f"note {n}" for n in range(count))) for count in (8, 12)
    )
    protocol, table = plan(few, Choices(shifts=("gamma",)))
    print_remarks(few, protocol, table, planned=True)
    assert capsys.readouterr().err.splitlines() == [f"note: note {number}" for number in range(8)]
    print_remarks(many, protocol, table, planned=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:8] == [f"note: note {number}" for number in range(8)]
    assert lines[8:] == ["note: 4 more notes on how the images were read"]


def test_folds_are_refused_when_the_data_are_added(tmp_path, images, home):
    text = (images / "manifest.csv").read_text()
    for number, word in enumerate(("Training", "validation", "testing")):
        text = text.replace(f",{word}\n", f",{number}\n").replace(f",{word}\r\n", f",{number}\r\n")
    (images / "folds.csv").write_text(text)
    refused = typed("data", "add", "folds", images / "folds.csv")
    assert "column `split` holds `0`, `1`, `2` (180 images): folds" in str(refused.exception)
    assert "--ignore-split" in str(refused.exception)
    assert store.names() == []
    assert typed("data", "add", "folds", images / "folds.csv", "--ignore-split").exit_code == 0
    assert "split" not in store.read(store.folder("folds")).table


@pytest.fixture(scope="module")
def numbered_alike(tmp_path_factory):
    """Two sites whose patients are numbered alike, with folds in a column `split`, in a table of semicolons."""
    where = folder(tmp_path_factory.mktemp("data") / "set", {"A": 40, "B": 40}, side=16)
    lines = (where / "manifest.csv").read_text().replace(",A-p", ",p").replace(",B-p", ",p").splitlines()
    rows = [f"{line},{'split' if number == 0 else number % 3}" for number, line in enumerate(lines)]
    (where / "manifest.csv").write_text("\n".join(rows).replace(",", ";"))
    return where


READ = "note: manifest.csv is separated by `;`"
APART = ("--ignore-split", "--groups-per-domain")


@pytest.mark.parametrize(
    "words",
    [
        ("shifts", "preview", "--shifts", "gamma", "--severities", "3", "--out", "new.png"),
        ("shifts", "calibrate", "--shifts", "gamma", "--severities", "3", "--out", "new", *APART),
        ("data", "audit", "--shifts", "gamma", "--images", "20", "--out", "new.html", *APART),
    ],
    ids=["preview", "calibrate", "audit"],
)
def test_commands_without_a_protocol_print_the_notes_of_the_data(numbered_alike, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    done = typed(*words, "--data", numbered_alike)
    assert done.exit_code == 0, done.exception
    assert done.stderr.splitlines().count(READ) == 1
    assert READ not in done.stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("shifts", "preview", "--severities", "2.5"), "invalid --severities '2.5': use whole numbers"),
        (("shifts", "preview", "--severities", "0"), "severities must be among 1, 2, 3, 4, 5, each once, not"),
        (("shifts", "preview", "--shifts", ""), "--shifts names nothing: leave it out for all that suit the data"),
        (("shifts", "calibrate", "--severities", "6"), "severities must be among 1, 2, 3, 4, 5, each once, not"),
        (("shifts", "calibrate", "--family", ","), "--family names nothing: leave it out"),
        (("data", "audit", "--shifts", "gama"), "unknown shift 'gama'. Did you mean 'gamma'"),
        (("data", "audit", "--shifts", " "), "--shifts names nothing: leave it out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_choices_are_told_before_the_data_are_read(tmp_path, monkeypatch, words, problem):
    monkeypatch.chdir(tmp_path)
    assert problem in str(typed(*words, "--data", "a-folder-that-is-not-there").exception)


def test_an_audit_takes_the_options_that_it_advises(numbered_alike, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr("medshift.benchmark.audit.audit.audit", lambda dataset, *rest: seen.append(dataset) or 1 / 0)
    for words in ((), ("--groups-per-domain",), ("--ignore-split",), APART):
        typed("data", "audit", "--data", numbered_alike, "--shifts", "gamma", *words)
    found = [counts(dataset, "A") for dataset in seen]
    assert [each.in_several for each in found] == [20, 0, 20, 0]
    assert ["--ignore-split" in each.unsplit for each in found] == [True, True, False, False]
    assert found[3].unsplit == ""
    assert set(found[3].by_split.columns) >= {"train", "val", "test"}
