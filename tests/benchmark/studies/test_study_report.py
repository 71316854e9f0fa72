"""The report of a study, from a folder of fabricated submissions: answers, page, figures, table."""

from __future__ import annotations

import csv
import dataclasses
import math
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest
from helpers.boards import HOSTILE, SMALL, study_folder
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.protocols.training_sets.label_fractions import kept_fraction
from medshift.benchmark.runs.job import made_key
from medshift.benchmark.studies import registry, stored
from medshift.benchmark.studies.choosing.answerable import OTHER_FIRST
from medshift.benchmark.studies.file import read_study
from medshift.benchmark.studies.findings import Answered, Findings, Measured
from medshift.benchmark.studies.grid.cells import read_grid
from medshift.benchmark.studies.grid.contrasts import resampled
from medshift.benchmark.studies.report.build import build_report
from medshift.benchmark.studies.study import Answer, Arm, Study
from medshift.benchmark.submissions import card as cards
from medshift.shifts.errors import MedshiftError


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "s.toml"
    path.write_text(SMALL)
    return read_study(path).study


def better_at_last(arm, levels, seed):
    return 1.0 + 2.0 * (levels["rate"] == 3e-3) + 0.1 * seed


@pytest.fixture(scope="module")
def made(fabricate, small, tmp_path_factory):
    """A folder whose one run of four is not finished, and its report."""
    root = tmp_path_factory.mktemp("made")
    asked = dataclasses.replace(
        small,
        question=f"Is {HOSTILE} better?",
        arms={"ours": dataclasses.replace(small.arms["ours"], title=HOSTILE)},
        draw=("clean", "shifted", "steps-95"),
        answers=(*small.answers, dataclasses.replace(small.answers[0], figure="steps-95", least=None, most=0.0)),
    )
    missing = {"leave_out": lambda run: run.seed == 1 and run.levels["rate"] == 3e-3}
    study_folder(fabricate, root, asked, better_at_last, cuts=("steps is 4 in all arms",), **missing)
    return root, build_report(root)


def test_the_answer_is_a_sentence_with_an_interval_and_a_verdict(made):
    _, built = made
    first, second = built.findings.answers
    assert first.verdict == "supported"
    assert 0 < first.found.low < first.found.value < first.found.high
    assert first.sentence == (
        f"The higher rate changes balanced accuracy by {first.found.text} on made-up (SIMULATED)."
    )
    assert first.found.seeds == 1  # the only one that both levels have
    # every training reaches 95 % of its gain at the same step
    assert second.found.value == 0
    assert math.isnan(second.found.low)
    assert second.found.note == "No interval: one seed does not show how steps vary."
    assert second.verdict == "not shown"


def test_what_a_reader_must_know_is_said(made):
    doubts = made[1].findings.doubts
    assert doubts[0] == "The images are SIMULATED: the answer is about the simulator's scanners, not about patients."
    assert doubts[1] == "This differs from the study as it is defined: steps is 4 in all arms."
    assert doubts[2] == "1 of 4 runs are not finished; answers are over the seeds and levels that are finished."
    assert (
        doubts[3] == "Some answers are over 1 seed of 2, which says little of how they vary from training to training."
    )


def test_the_table_has_every_cell_and_every_seed(made):
    root, _ = made
    with (root / "study.csv").open() as file:
        rows = list(csv.DictReader(file))
    cells = {(row["rate"], row["seed"]) for row in rows}
    assert cells == {("0.001", "all"), ("0.001", "0"), ("0.001", "1"), ("0.003", "all"), ("0.003", "0")}
    steps = [row["value"] for row in rows if row["figure"] == "steps-95"]
    assert steps == ["1925"] * 5  # the weights of step 2,000 are kept: .5 + 95 % of .3 is between .6 and .8
    clean = {row["seed"]: float(row["value"]) for row in rows if (row["rate"], row["figure"]) == ("0.001", "clean")}
    assert clean["all"] == pytest.approx((clean["0"] + clean["1"]) / 2, abs=1e-5)


def test_the_page_is_self_contained_and_escapes_all_text(made):
    root, _ = made
    page = (root / "index.html").read_text()
    assert not re.search(r"<script|<img|https?://|javascript:(?!alert)", page)
    assert "&lt;script&gt;alert" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "medshift study run x" in page
    assert page.index("Is &lt;script") < page.index("Supported.") < page.index("not finished") < page.index("<svg")
    assert "Intervals of steps of training are over seeds and the distance between evaluations, not over pat" in page
    assert page.count("<details>") == 3  # a card per finished run
    build_report(root)
    assert (root / "index.html").read_text() == page  # the same folder, the same bytes


def test_figures_are_files_of_their_own(made):
    root, _ = made
    names = sorted(path.name for path in (root / "figures").iterdir())
    assert names == ["clean.svg", "shifted.svg", "steps-95.svg"]
    for name in names:
        tree = ElementTree.parse(root / "figures" / name)
        texts = [element.text for element in tree.iter() if element.tag.endswith("}text")]
        assert HOSTILE.split("\u202e")[0].strip() in " ".join(filter(None, texts))
        assert len([element for element in tree.iter() if element.tag.endswith("}polyline")]) == 1


def test_markdown_holds_question_answers_and_command(made):
    text = (made[0] / "study.md").read_text()
    assert "**Supported.** The higher rate changes balanced accuracy by +" in text
    assert "| supported |" in text
    assert "No interval: one seed does not show how steps vary." in text
    assert "medshift study run x" in text
    assert "<script>" not in text


SKILLS = {"imagenet": 5.0, "scratch": 0.8}


def test_labels_saved_come_from_draws_with_protocols_of_their_own(fabricate, tmp_path):
    study = registry.load_study("labels").study
    arms = {name: study.arms[name] for name in ("imagenet", "scratch")}
    answers = tuple(each for each in study.answers if {each.of, each.against} <= set(arms))
    axis = dataclasses.replace(study.axes[0], levels=(0.1, 1.0))
    small = dataclasses.replace(study, arms=arms, axes=(axis,), answers=answers[:2], seeds=3)

    def skill(arm, levels, seed):
        return SKILLS[arm] * (0.6 + 0.4 * levels["labels"])

    study_folder(fabricate, tmp_path, small, skill, fabricate.table(groups=13))
    assert len(list(tmp_path.glob("made-up-labels-*/protocol.json"))) == 4  # three draws of 10 %, and all labels
    built = build_report(tmp_path)
    shifted = built.findings.answers[0]
    assert shifted.found.seeds == 3
    assert shifted.verdict == "supported"
    few = next(tmp_path.glob("made-up-labels-0.1-*"))
    fraction = kept_fraction(*read_protocol(few))  # 10 % of the patients are already as good, and are whole ones
    assert fraction != 0.1
    assert shifted.found.value == pytest.approx(1 - fraction)
    assert shifted.found.note == f"At least: the least fraction, {fraction:g}, is already as good."
    assert f"of labels, 0.1 is {fraction:.2g}; what is saved is read at these" in (tmp_path / "study.md").read_text()


@pytest.mark.parametrize(
    ("claim", "changed"),
    [("baseline", {"distribution": f"module my_module, sha256 {'0' * 64}"}), ("dataset", {"images_sha256": "2" * 64})],
)
def test_a_submission_of_other_code_or_images_is_left_out(fabricate, small, tmp_path, claim, changed):
    once = dataclasses.replace(small, arms={"ours": Arm("Mine")}, seeds=1)
    made = study_folder(fabricate, tmp_path, once, better_at_last)
    folders = [tmp_path / run.protocol / run.entry / "seed-0" for run in made.runs]
    runs = tuple(
        dataclasses.replace(run, made=made_key(cards.read(folder), "my_module:Mine"))
        for run, folder in zip(made.runs, folders, strict=True)
    )
    own = dataclasses.replace(made.study, arms={"ours": Arm("my_module:Mine")})
    data = dataclasses.replace(made.data, images={"made-up": "1" * 64})
    stored.write(dataclasses.replace(made, study=own, data=data, runs=runs), tmp_path)
    assert not math.isnan(build_report(tmp_path).findings.answers[0].found.value)

    def change(folder):
        card = cards.read(folder)
        cards.write(card.model_copy(update={claim: getattr(card, claim).model_copy(update=changed)}), folder)

    change(folders[0])
    found = build_report(tmp_path).findings
    assert math.isnan(found.answers[0].found.value)
    assert found.doubts[1:3] == [
        "1 of 2 runs are not finished; answers are over the seeds and levels that are finished.",
        f"1 submission left out, made with other settings, code or images than the study's: {runs[0].entry}, seed 0.",
    ]
    with (tmp_path / "study.csv").open() as file:
        assert {row["rate"] for row in csv.DictReader(file)} == {"0.003"}
    change(folders[1])
    with pytest.raises(
        MedshiftError, match="is finished: its submissions were made with other settings, code or images"
    ):
        build_report(tmp_path)


def test_nothing_finished_is_told(fabricate, small, tmp_path):
    study_folder(fabricate, tmp_path, small, better_at_last, leave_out=lambda run: True)
    with pytest.raises(MedshiftError, match=r"no run of study 'small' in .* is finished"):
        build_report(tmp_path)
    with pytest.raises(MedshiftError, match=r"holds no study\.toml"):
        build_report(tmp_path / "made-up")


@pytest.mark.parametrize("groups", [5, 8])  # fewer, and as many by other names
def test_protocols_with_other_test_patients_are_not_compared(fabricate, small, tmp_path, groups):
    study_folder(fabricate, tmp_path, small, better_at_last)
    other = tmp_path / "other"
    rows = fabricate.table(groups=groups)
    study_folder(fabricate, other, small, better_at_last, rows=rows.assign(group="other-" + rows["group"]))
    shutil.move(other / "made-up", tmp_path / "moved")
    shutil.rmtree(other)
    noted = stored.read(tmp_path)
    runs = tuple(
        dataclasses.replace(run, protocol="moved") if run.levels["rate"] == 3e-3 else run for run in noted.runs
    )
    stored.write(dataclasses.replace(noted, runs=runs), tmp_path)
    with pytest.raises(MedshiftError, match="have different tests: their figures cannot be compared"):
        build_report(tmp_path)


class Own:
    """A study's own analysis."""

    def measure(self, stored, out):
        (out / "measured").write_text("7")

    def report(self, stored, out):
        value = float((out / "measured").read_text())
        return Findings([Answered(f"It is {value:g}.", Measured(value, 6.0, 8.0, 3), "supported")])


def test_a_study_with_an_analysis_of_its_own_is_reported_by_its_package(tmp_path, monkeypatch):
    study = Study("own", "How many?", "c", "s", "r", limits=("It is not 8.",), analysis=Own())
    noted = stored.StoredStudy(study, stored.StudyData("made-up"), "x", ("left out: a", OTHER_FIRST), own_analysis=True)
    stored.write(noted, tmp_path)
    study.analysis.measure(None, tmp_path)
    monkeypatch.setattr(registry, "load_study", lambda name: registry.LoadedStudy(study))
    built = build_report(tmp_path)
    assert built.findings.answers[0].sentence == "It is 7."
    assert "It is 7." in (tmp_path / "index.html").read_text()
    assert built.findings.doubts == [
        f"This differs from the study as it is defined: left out: a; {OTHER_FIRST}.",
        "It is not 8.",
    ]
    text = (tmp_path / "study.md").read_text()
    assert "- It is not 8.\n" in text
    # the verdict is on another question than the one above it
    assert "\n**The question is not answered:** the runs that it needs were left out. What was run says" in text
    assert text.index("The question is not answered") < text.index("**Supported.**")
    told = CliRunner().invoke(app, ["study", "report", str(tmp_path)])
    assert told.output.startswith("The question is not answered: the runs that it needs were left out.")
    without = dataclasses.replace(study, analysis=None, answers=(Answer("change", "a", "t", least=0),))
    monkeypatch.setattr(registry, "load_study", lambda name: registry.LoadedStudy(without))
    with pytest.raises(MedshiftError, match="study 'own' has an analysis of its own where it was made, and none here"):
        build_report(tmp_path)


def test_without_a_figure_the_sentence_says_so(fabricate, small, tmp_path):
    none_trained = {"leave_out": lambda run: run.levels["rate"] == 3e-3}
    study_folder(fabricate, tmp_path, small, better_at_last, **none_trained)
    (found,) = build_report(tmp_path).findings.answers
    assert found.sentence.startswith(
        "There is no figure on made-up (SIMULATED) for: our method, change from rate 0.001"
    )
    assert (found.found.note, found.verdict) == ("Its runs are not finished.", "not shown")


def test_a_study_is_as_open_as_the_board_where_no_resample_varies(fabricate, small, tmp_path):
    """Nearly all images are right: of some figures a whole class, in which no resample shows an error."""
    study_folder(fabricate, tmp_path, small, lambda arm, levels, seed: 3.0, fabricate.table(groups=12))
    grid = read_grid(stored.read(tmp_path), tmp_path)
    compared = 0
    for cell in grid.cells:
        (piece,) = cell.pieces
        for name in ("clean", "real", "synthesized", "shifted", "drop"):
            found = cell.estimate(name)
            compared += bool(found.still)
            board = piece.row.aggregates[name, piece.board.rank_by]
            assert found.interval == pytest.approx((board.low, board.high), abs=1e-6)
            held = dataclasses.replace(found, still=()).interval
            assert not found.still or found.interval[1] - found.interval[0] > held[1] - held[0]
    assert compared
    # and what is resampled is open as well
    still = next(cell for cell in grid.cells if cell.estimate("clean").still)
    found = resampled([still], "clean", lambda figures: figures[0], lambda figures: "")
    assert found.high - found.low > 0.5 * (still.estimate("clean").interval[1] - still.estimate("clean").interval[0])
