"""`medshift estimate` shows estimates beside what was measured, and says what it cannot estimate."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.cli.tables.estimates import estimate_lines
from medshift.benchmark.estimation.registry import BUILTINS
from medshift.benchmark.scoring.scores import score
from medshift.shifts.errors import MedshiftError


@pytest.fixture(scope="module")
def entry(fabricate, tmp_path_factory):
    place, protocol, rows = fabricate.contest(tmp_path_factory.mktemp("in"))
    return fabricate.submission(place, protocol, rows)


def ask(*words):
    done = CliRunner().invoke(app, ["estimate", *map(str, words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_all_estimators_stand_at_every_site_beside_the_measured_figure(entry):
    text = ask(entry)
    for name in (*BUILTINS, "site-b", "site-c", "What no estimate can see"):
        assert name in text
    assert text.count("measured with labels") == 2


def test_other_programs_get_one_object_per_estimate(entry):
    found = json.loads(ask(entry, "--target", "site-c", "--estimator", "atc", "--json"))
    assert [list(each) for each in found] == [["site", "estimator", "value", "low", "high", "reason", "measured"]]
    assert found[0]["low"] <= found[0]["value"] <= found[0]["high"]
    assert found[0]["reason"] is None


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--target", "site-d"], "neither a folder nor a real site of made-up, which has site-b, site-c"),
        (["--estimator", "cbpee"], "unknown estimator 'cbpee'. Did you mean 'cbpe'"),
        (["--channels", "1", "--data", "here"], "--channels, --data: goes with --target DIR"),
    ],
)
def test_a_wrong_option_is_one_line_that_says_what_to_give(entry, words, line):
    with pytest.raises(MedshiftError) as error:
        ask(entry, *words)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_another_ranking_figure_is_refused(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path, metrics=("auroc",))
    with pytest.raises(MedshiftError, match="ranks by AUROC for class-1; only balanced accuracy"):
        ask(fabricate.submission(place, protocol, rows))


def test_the_summary_of_a_run_has_the_estimate_beside_the_measured_figure(fabricate, entry):
    rows = fabricate.table()
    protocol = fabricate.terms(rows)
    scores = score(protocol, rows, fabricate.outputs(protocol, rows), 0)
    (line,) = estimate_lines(protocol, rows, entry, scores)
    assert line.startswith("Balanced accuracy estimated without labels, with 90 % interval: site-b .")
    assert line.count(", measured .") == 2
    assert estimate_lines(protocol.model_copy(update={"metrics": ("auroc",)}), rows, entry, scores) == []
