"""The report: registered criteria, its page and its JSON, and the command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.boards import HOSTILE
from typer.testing import CliRunner

from medshift.benchmark.audit.finding import Finding
from medshift.benchmark.audit.fingerprint.placement import Place
from medshift.benchmark.cli.main import app
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.submissions import card as cards
from medshift.leaderboard.assurance.criteria.criterion import claim
from medshift.leaderboard.assurance.criteria.file import read_criteria
from medshift.leaderboard.assurance.images import Seen
from medshift.leaderboard.assurance.output.page import page
from medshift.leaderboard.assurance.output.record import record
from medshift.leaderboard.assurance.output.schema import ReportRecord, read_record
from medshift.leaderboard.assurance.report import make_report
from medshift.shifts.errors import MedshiftError

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "leaderboard" / "submissions" / "brain-mri-sim"
SENSITIVE = 'metric = "sensitivity"; at_least = {}; sites = "every"'
BLUR = 'metric = "balanced_accuracy"; loses_at_most = 0.05; shift = "psf-blur"; up_to = 0.6'
PLACES = {
    "site-b": {"psf-blur": Place("psf-blur", 2.3, 1.9, 2.7, 0.2)},
    "site-c": {"psf-blur": Place("psf-blur", 2.35, 1.0, 4.0, 2.5)},
}


def made(entry, criteria, tmp_path, seen=None, limit=0.7, **changes):
    folder = entry(lambda c: 0.02 * c.severity, patients=30, **changes)
    criteria(SENSITIVE.format(limit), BLUR)
    return make_report(folder, tmp_path / "c.toml", lambda: seen, replicates=200)


def register(folder, criteria):
    """Write criteria into a card, as a run does."""
    old = cards.read(folder)
    cards.write(old.model_copy(update={"criteria": claim(criteria)}), folder)


def test_criteria_of_the_card_were_written_before_the_run_and_others_are_refused(entry, criteria, tmp_path):
    folder = entry(lambda c: 0.02 * c.severity, patients=30)
    register(folder, criteria(SENSITIVE.format(0.7), BLUR))
    report = make_report(folder, tmp_path / "c.toml", replicates=200)
    assert (report.registration.by, report.registration.remark) == ("card", "")
    assert "written after the run" not in page(report)
    criteria(SENSITIVE.format(0.6), BLUR)
    with pytest.raises(
        MedshiftError, match=r"not the criteria that the card of seed 0 registered .*: 'c0' was changed"
    ):
        make_report(folder, tmp_path / "c.toml", replicates=200)
    criteria(BLUR)
    with pytest.raises(MedshiftError, match="'c0' was changed; 'c1' is missing"):
        make_report(folder, tmp_path / "c.toml", replicates=200)


def test_criteria_of_the_protocol_bind_every_entry(entry, criteria, tmp_path):
    held = claim(criteria(SENSITIVE.format(0.7), BLUR))
    folder = entry(lambda c: 0.0, patients=30, criteria=held)
    assert read_protocol(folder.parent.parent)[0].criteria == held
    assert make_report(folder, tmp_path / "c.toml", replicates=200).registration.by == "protocol"
    criteria(SENSITIVE.format(0.65), BLUR)
    with pytest.raises(MedshiftError, match=r"that protocol 'made-up' registered before the run .*'c0' was changed"):
        make_report(folder, tmp_path / "c.toml", replicates=200)


def test_a_verdict_on_criteria_that_were_not_registered_says_so_wherever_it_is(entry, criteria, tmp_path):
    report = made(entry, criteria, tmp_path)
    assert {verdict.state for verdict in report.verdicts} == {"met", "not shown"}
    text = page(report)
    assert text.count('<span class="remark">written after the run</span>') == len(report.verdicts)
    assert {verdict.remark for verdict in record(report).verdicts} == {"written after the run"}
    assert record(report).registered_by == ""


def test_a_protocol_without_criteria_has_the_hash_and_the_text_that_it_always_had():
    protocol, _ = read_protocol(COMMITTED)
    named = cards.read(COMMITTED / "scratch" / "seed-0").protocol.sha256
    assert protocol.sha256 == named
    assert protocol.text() == (COMMITTED / "protocol.json").read_text(encoding="utf-8")


def test_json_is_strict_and_says_what_the_page_says(entry, criteria, tmp_path):
    found = record(made(entry, criteria, tmp_path, Seen(PLACES, [Finding(2, "text", "advice")])))
    (tmp_path / "r.json").write_text(found.text())
    assert read_record(tmp_path / "r.json") == found
    content = json.loads(found.text())
    assert content["schema"] == "medshift-report/1"
    blur = next(one for one in content["breaking_points"] if one["rule"].startswith("balanced"))
    assert (blur["severities"], blur["values"]) == ([0, 1, 3, 5], [0, 0.6, 1.4, 3.2])
    assert blur["margins"] == pytest.approx([0.05, 0.05 - 1 / 30, 0.05 - 2 / 30, 0.05 - 3 / 30])
    assert content["places"][0]["severity"] == 2.3
    assert content["findings"] == [{"weight": 2, "text": "text", "advice": "advice"}]
    for wrong in ({"extra": 1}, {"registered_by": "somebody"}, {"criteria_sha256": "abc"}, {"schema": "medshift-x/1"}):
        (tmp_path / "r.json").write_text(json.dumps({**content, **wrong}))
        with pytest.raises(MedshiftError, match="not a valid report"):
            read_record(tmp_path / "r.json")
    content["sites"][0]["confidence"] = float("nan")
    (tmp_path / "r.json").write_text(json.dumps(content))
    with pytest.raises(MedshiftError, match="not a valid report"):
        read_record(tmp_path / "r.json")


def test_the_page_stands_alone_and_escapes_all_text(fabricate, criteria, tmp_path):
    table = fabricate.known_truth(20)
    place, protocol, rows = fabricate.contest(tmp_path / "in", table)
    arrays = fabricate.known_errors(protocol, rows, lambda c: 0.1)
    folder = fabricate.submission(
        place, protocol, rows, "evil", arrays=arrays, summary=HOSTILE, config={"a<b": HOSTILE}
    )
    criteria(SENSITIVE.format(0.5))
    text = (tmp_path / "c.toml").read_text().replace("'c0'", "'<img src=x onerror=alert(1)>'")
    (tmp_path / "c.toml").write_text(text)
    html = page(make_report(folder, tmp_path / "c.toml", replicates=100))
    assert "<img" not in html
    assert "<script" not in html
    assert not re.findall(r"(?:src|href)=\"(?!#)", html)
    assert "default-src 'none'; style-src 'sha256-" in html


def test_sites_are_letters_on_the_axis_of_each_shift_and_missing_images_are_said(entry, criteria, tmp_path):
    report = made(entry, criteria, tmp_path, Seen(PLACES))
    html = page(report)
    assert "site-b 1.05; site-c 1.08 ?" in html  # sd px at severities 2.3 and 2.35
    assert html.count(">A<title>site-b: severity 2.3 [1.9, 2.7]</title>") == 2  # one chart per rule
    assert ">B?<title>site-c: severity 2.4 [1.0, 4.0], measures contradict each other</title>" in html
    assert "Where the sites lie on these axes is missing" not in html
    without = page(make_report(report.scores.seeds[0].folder, tmp_path / "c.toml", replicates=100))
    assert "Where the sites lie on these axes is missing" in without


@pytest.mark.parametrize(
    ("origin", "config", "said", "weights"),
    [
        ("external", {}, "nobody can run it again", "of the author&#39;s model; the card records no hash of them"),
        ("brought", {"sha256": "ab" * 32}, "medshift predicted with it", f"of its file {'ab' * 32}"),
    ],
)
def test_the_lineage_of_a_model_that_was_made_elsewhere(origin, config, said, weights, fabricate, criteria, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=6))
    folder = fabricate.submission(place, protocol, rows, "theirs", distribution=origin, config=config)
    criteria(SENSITIVE.format(0.5))
    html = page(make_report(folder, tmp_path / "c.toml", replicates=20))
    assert said in html
    assert weights in html
    assert html.count("nobody can run it again") == (origin == "external")


def test_one_class_of_several_is_judged_against_the_rest(fabricate, criteria, tmp_path):
    rows = fabricate.table(groups=60, per_group=1, classes=3)
    place, protocol, rows = fabricate.contest(tmp_path / "in", rows, classes=3)
    arrays = known_arrays(protocol, rows, always_missed=2)
    folder = fabricate.submission(place, protocol, rows, "known", arrays=arrays)
    each = [f'metric = "sensitivity"; class = "class-{k}"; at_least = 0.8; sites = ["site-a"]' for k in range(3)]
    criteria(*each)
    report = make_report(folder, tmp_path / "c.toml", replicates=200)
    assert [verdict.state for verdict in report.verdicts] == ["met", "met", "not met"]
    assert report.verdicts[2].checks[0].value == 0


def known_arrays(protocol, rows, always_missed):
    """Predict every class right but one, which is called the first under every condition but source validation."""
    import numpy as np

    from medshift.benchmark.protocols import truth

    made = {}
    for condition in protocol.conditions():
        labels = truth.truth_of(rows, condition)["label"].to_numpy().copy()
        if condition.kind != "validation":
            labels[labels == always_missed] = 0
        made[condition.key] = np.where(np.arange(3) == labels[:, None], 0.8, 0.1).astype(np.float32)
    return made


def test_the_example_of_the_documentation_is_judged(tmp_path):
    (text,) = re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs" / "how-to" / "models" / "report.md").read_text(encoding="utf-8"), re.S
    )
    (tmp_path / "criteria.toml").write_text(text)
    criteria, _ = read_criteria(tmp_path / "criteria.toml")
    report = make_report(COMMITTED / "scratch" / "seed-0", tmp_path / "criteria.toml", replicates=100)
    assert [verdict.criterion.name for verdict in report.verdicts] == [criterion.name for criterion in criteria]
    assert len(report.breaking) == 4  # the model refuses nothing, so no shift can break its coverage
    assert ReportRecord.model_validate_json(record(report).text()) == record(report)


def test_the_command_writes_page_and_json_and_prints_verdicts(entry, criteria, tmp_path):
    folder = entry(lambda c: 0.0, patients=30)
    criteria(SENSITIVE.format(0.7))
    words = ["report", str(folder), "--criteria", str(tmp_path / "c.toml"), "--out", str(tmp_path / "out")]
    (tmp_path / "out").mkdir()
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("met (written after the run): sensitivity for 'class-1' at least .70 at every site;")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.json"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no --criteria: write the limits into a file before the run, as in docs/how-to/models/report.md"),
        (["--criteria", "gone.toml"], "gone.toml cannot be read: No such file or directory"),
        (["--criteria", "c.toml", "--audit"], "--audit: give the images with --data DIR or --dataset NAME"),
        (
            ["--criteria", "c.toml", "--out", "r.pdf"],
            "--out r.pdf: give a folder, or a file that ends in .html or .htm",
        ),
        (["--criteria", "c.toml"], "holds no finished submission: give PROTOCOL/ENTRY, as `medshift run` writes it"),
    ],
)
def test_mistakes_are_one_line(words, said, criteria, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    criteria(SENSITIVE.format(0.7))
    done = CliRunner().invoke(app, ["report", ".", *words])
    assert isinstance(done.exception, MedshiftError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)


def test_criteria_that_do_not_suit_are_refused_before_torch_is_imported(entry, criteria, tmp_path):
    folder = entry(lambda c: 0.0, patients=30)
    criteria(SENSITIVE.format(0.7) + '; class = "class-2"')
    program = (
        "import sys\nfrom medshift.benchmark.cli.main import main\n"
        "try:\n main()\nexcept SystemExit:\n print([m for m in ('torch', 'timm', 'monai') if m in sys.modules],"
        " file=sys.stderr)\n"
    )
    words = ["report", str(folder), "--criteria", str(tmp_path / "c.toml")]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=tmp_path)
    near = "Did you mean 'class-1' or 'class-0'?"
    assert done.stderr == f"medshift: {tmp_path / 'c.toml'}, line 6, class: no class 'class-2'. {near}\n[]\n"
