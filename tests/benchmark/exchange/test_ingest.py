"""`medshift score`: predictions made anywhere become a submission, or all their problems are listed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import cli
from helpers.boards import built_page
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.exchange import ingest
from medshift.benchmark.exchange.ingest import Claim
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.runs.verification import verify
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import submission
from medshift.shifts.errors import MedshiftError

CLAIM = Claim("vendor-x", "source", "A box.", "somebody")


@pytest.fixture
def contest(fabricate, tmp_path):
    """A folder, protocol, truth, and a table of valid predictions."""
    place, terms, rows = fabricate.contest(tmp_path / "contest", fabricate.table(groups=4), classes=2)
    parts = fabricate.parts(terms, rows, fabricate.outputs(terms, rows))
    table = pd.concat(
        pd.DataFrame({"condition": key, "sample_id": ids, "p0": values[:, 0], "p1": values[:, 1]})
        for key, (ids, values) in parts.items()
    )
    return place, terms, rows, table.reset_index(drop=True)


def score(contest, table, tmp_path, claim=CLAIM, form="csv"):
    _, terms, rows, _ = contest
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / f"predictions.{form}"
    table.to_csv(path, index=False) if form == "csv" else table.to_parquet(path)
    shifts = dict.fromkeys(terms.shifts, "0" * 64)
    return ingest.submit(path, terms, rows, claim, shifts, tmp_path / "out")[0]


def test_sound_predictions_become_a_submission_that_says_what_it_is(contest, tmp_path):
    _, terms, rows, table = contest
    where = score(contest, table.sample(frac=1, random_state=0), tmp_path)
    assert where == tmp_path / "out" / "made-up" / "vendor-x" / "seed-0"
    assert submission.check_submission(where, terms, rows) == []
    card = cards.read(where)
    assert card.baseline.external
    assert (card.baseline.distribution, card.baseline.sees, card.baseline.config) == ("external", "source", {})
    assert (card.environment.device, card.environment.threads, card.environment.packages) == ("not stated", 0, {})
    assert card.submitter == "somebody"
    assert read_protocol(where.parent.parent)[0].sha256 == terms.sha256


def test_csv_and_parquet_columns_and_rows_in_any_order_are_the_same_bytes(contest, tmp_path):
    *_, table = contest
    first = (score(contest, table, tmp_path / "a") / "predictions.parquet").read_bytes()
    turned = table[::-1][["p1", "sample_id", "p0", "condition"]].astype({"condition": "category"})
    assert (score(contest, turned, tmp_path / "b", form="parquet") / "predictions.parquet").read_bytes() == first
    again = score(contest, table, tmp_path / "a")  # the same predictions a second time change nothing
    assert (again / "predictions.parquet").read_bytes() == first


def _set(table, row, **cells):
    for name, value in cells.items():
        table[name] = table[name].astype(object) if isinstance(value, str) else table[name]
        table.loc[row, name] = value
    return table


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[t["condition"] != "site-b"], ["condition 'site-b' is missing"]),
        (lambda t: t.drop(index=3), ["lacks 1 sample,"]),
        (lambda t: pd.concat([t, t.iloc[[7, 7]]]), ["2 repeated rows, e.g. 'site-a/val/0007.png'"]),
        (lambda t: _set(t, 5, sample_id="zzz"), ["1 unknown sample id, e.g. 'zzz'", "lacks 1 sample,"]),
        (lambda t: t.replace({"condition": {"site-c": "site-cc"}}), ["1 unknown condition, e.g. 'site-cc'. Did you"]),
        (lambda t: _set(t, 5, p0=float("nan")), ["probabilities of 1 row are not finite"]),
        (lambda t: _set(t, 5, p0=float("inf")), ["probabilities of 1 row are not finite"]),
        (lambda t: _set(t, 5, p0=-0.5, p1=1.5), ["probabilities of 1 row are outside [0, 1]"]),
        (lambda t: _set(t, 5, p0=0.9, p1=0.9), ["probabilities of 1 row do not sum to 1"]),
        (lambda t: _set(t, 5, p0="high"), ["column p0 has 1 non-numeric cell, e.g. 'high'"]),
        (lambda t: t.drop(columns="p1"), ["column p1 is missing; required are condition, sample_id, p0 to p1"]),
        (lambda t: t.assign(label=1), ["unexpected columns: label"]),
        (lambda t: _set(t, 5, sample_id=""), ["column sample_id has 1 empty cell"]),
        (lambda t: t.iloc[:0], ["no row has a condition and a sample of the protocol"]),
        (
            lambda t: _set(_set(t[t["condition"] != "site-b"], 4, p0=float("nan")), 9, sample_id="zzz"),
            ["1 unknown sample id,", "not finite", "condition 'site-b' is missing", "lacks 1 sample,"],
        ),
    ],
)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_everything_wrong_is_said_at_once_and_nothing_is_written(contest, tmp_path, change, says, form):
    table = change(contest[3].copy())
    if form == "parquet" and table["p0"].dtype == object:
        table["p0"] = table["p0"].astype(str)
    with pytest.raises(MedshiftError) as error:
        score(contest, table, tmp_path, form=form)
    for said in says:
        assert said in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_kind(contest, tmp_path):
    _, terms, rows, _ = contest
    for name, content, says in (
        ("p.xlsx", b"", "must be a .csv or .parquet file"),
        ("p.parquet", b"no parquet", "cannot be read: "),
        ("p.csv", b"\xff\xfe\x00", "cannot be read: "),
        ("p.csv", b"", "cannot be read: EmptyDataError"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MedshiftError, match=says):
            ingest.submit(tmp_path / name, terms, rows, CLAIM, {}, tmp_path / "out")
    with pytest.raises(MedshiftError, match=r"gone.csv: no such file"):
        ingest.submit(tmp_path / "gone.csv", terms, rows, CLAIM, {}, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("imagenet-finetune", "is a baseline of medshift"),
        ("scratch+lr=1", "'scratch' is a baseline of medshift"),
        ("../x", "use 1 to 120 letters"),
        ("", "use 1 to 120 letters"),
        ("x" * 121, "use 1 to 120 letters"),
        ("Audit.json", "it is that of a board's own file, audit.json"),
    ],
)
def test_names_that_are_anothers_or_none(contest, tmp_path, name, says):
    with pytest.raises(MedshiftError, match=says):
        score(contest, contest[3], tmp_path, Claim(name, "source"))


def test_a_name_that_differs_from_one_beside_it_in_case_only_is_refused_before_anything_is_written(contest, tmp_path):
    *_, table = contest
    score(contest, table, tmp_path)
    with pytest.raises(MedshiftError, match=f"name of the entry differs from that of '{CLAIM.name}' in case only"):
        score(contest, table, tmp_path, Claim(CLAIM.name.upper(), "source"))
    assert not (tmp_path / "out" / "made-up" / CLAIM.name.upper()).exists()


def test_a_card_whose_predictions_are_gone_is_told(contest, tmp_path):
    *_, table = contest
    where = score(contest, table, tmp_path)
    (where / "predictions.parquet").unlink()
    with pytest.raises(MedshiftError, match="holds a card without its predictions: remove it"):
        score(contest, table, tmp_path)


def test_other_predictions_do_not_replace_an_entry(contest, tmp_path):
    *_, table = contest
    where = score(contest, table, tmp_path)
    before = (where / "predictions.parquet").read_bytes()
    with pytest.raises(MedshiftError, match="holds other predictions: choose another --name or --seed"):
        score(contest, table.rename(columns={"p0": "p1", "p1": "p0"}), tmp_path)
    assert (where / "predictions.parquet").read_bytes() == before
    assert score(contest, table, tmp_path, Claim("vendor-x", "source", seed=1)).name == "seed-1"


def test_it_cannot_be_run_again_and_says_so(contest, tmp_path):
    where = score(contest, contest[3], tmp_path)
    with pytest.raises(MedshiftError, match=r"was predicted outside of medshift \(external\): it cannot be rerun"):
        verify.verify(where, tmp_path / "again")


def black_box(root: Path) -> pd.DataFrame:
    """A model that knows nothing of medshift: brightness of the brightest pixels, from the files of an export alone."""

    def bright(place):
        images = np.load(root / place / "images.npy", mmap_mode="r")
        return np.percentile(images.reshape(len(images), -1), 95, axis=1) / 255

    train = pd.read_csv(root / "source/train/ids.csv")
    low, high = (bright("source/train")[train["label"] == label].mean() for label in (0, 1))
    made = []
    for folder_ in pd.read_csv(root / "conditions.csv")["folder"]:
        ids = pd.read_csv(root / folder_ / "ids.csv")[["condition", "sample_id"]]
        sick = 1 / (1 + np.exp(-20 * (bright(folder_) - (low + high) / 2)))
        made.append(ids.assign(p0=1 - sick, p1=sick))
    return pd.concat(made)


def test_export_predict_elsewhere_score_and_rank(tmp_path):
    images = folder(tmp_path / "set")

    def medshift(*words):
        return cli.medshift(*words, cwd=tmp_path)

    done = medshift("export", "--data", images, "--out", "conditions", "--shifts", "gamma", "--severities", "1,5")
    assert done.returncode == 0, done.stderr
    assert "images in 9 folders, about" in done.stderr
    (home,) = (tmp_path / "submissions").iterdir()
    black_box(tmp_path / "conditions").to_csv(tmp_path / "predictions.csv", index=False)
    said = ["--export", "conditions", "--name", "vendor-x+v=2", "--sees", "source", "--submitter", "somebody"]
    done = medshift("score", "predictions.csv", "--protocol", home, *said)
    assert done.returncode == 0, done.stderr
    assert "clean" in done.stdout
    where = home / "vendor-x+v=2" / "seed-0"
    assert f"submission: {where.relative_to(tmp_path)}" in done.stdout
    made = json.loads((tmp_path / "conditions" / "export.json").read_text())["shifts"]
    assert cards.read(where).shifts == made
    checked = CliRunner().invoke(app, ["check", "submission", str(where)])
    assert checked.stdout.splitlines()[-1] == f"{where}: ok"
    scores = {(s.condition, s.metric): s.value for s in cards.read(where).scores}
    assert scores["site-a", "auroc"] > 0.9  # it saw the images it should
    done = medshift("leaderboard", "submissions", "--out", "site")
    assert done.returncode == 0, done.stderr
    page = built_page(tmp_path / "site")
    assert '<span class="external">external</span>' in page
    assert "predicted outside of medshift. What it sees is its author" in page
    assert "`vendor-x+v=2` (external) | `source`" in (tmp_path / "site" / "leaderboard.md").read_text()
