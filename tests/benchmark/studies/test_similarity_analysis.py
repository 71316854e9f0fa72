"""The study of similarity on real runs: its table is measured once, from the networks that the runs left behind."""

from __future__ import annotations

import dataclasses
import shutil

import pytest
from helpers.images.image_folders import folder

from medshift.benchmark.files.home import home
from medshift.benchmark.runs.evaluate import evaluate
from medshift.benchmark.studies.similarity import analysis
from medshift.benchmark.studies.similarity.analysis import (
    FIGURE_FILE,
    KEY_FILE,
    TABLE_FILE,
    read_table,
    write_table,
)
from medshift.benchmark.studies.similarity.study import STUDY
from medshift.benchmark.studies.stored import StoredStudy, StudyData, StudyRun
from medshift.benchmark.studies.study import Arm, Study
from medshift.benchmark.submissions import card as cards
from medshift.shifts.errors import MedshiftError

QUICK = {"steps": 2, "batch_size": 8}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A run, and the study that it belongs to."""
    tmp_path = tmp_path_factory.mktemp("study")
    images, out = folder(tmp_path / "set", {"site-a": 60, "site-b": 24}), tmp_path / "out"
    reading = {"data": images, "source": "site-a", "shifts": ["gamma"], "severities": [3]}
    evaluate("cbr-tiny", **reading, settings=QUICK, threads=1, device="cpu", out=out)
    (protocol,) = [path.name for path in out.iterdir() if (path / "protocol.json").exists()]
    (entry,) = [path.name for path in (out / protocol).iterdir() if path.is_dir()]
    made = Study("similarity", "?", "", "", "", {"cbr": Arm("cbr-tiny", QUICK, "CBR-Tiny")}, seeds=1)
    data = StudyData("set", options={"data": str(images), "source": "site-a"})
    return StoredStudy(made, data, "", runs=(StudyRun("cbr", protocol, entry, 0),), own_analysis=True), out


def test_the_table_is_measured_once_from_the_networks_of_the_runs(study, monkeypatch):
    stored, out = study
    models = set((home() / "models").glob("*.pt"))
    write_table(stored, out, images=8, grid=2)
    assert set((home() / "models").glob("*.pt")) == models  # the run's; nothing was trained again
    table = read_table(out)
    assert set(table["images"]) == {8}
    assert table["dimension"].max() == 4 * 256
    assert (out / FIGURE_FILE).read_text().startswith("<svg")
    measured = []
    draw = analysis.draw_images
    monkeypatch.setattr(analysis, "draw_images", lambda *given: measured.append(given[-1]) or draw(*given))
    write_table(stored, out, images=8, grid=2)
    assert measured == []
    write_table(stored, out, images=9, grid=2)  # another setting, another table
    assert measured == [9]


def test_findings_have_answers_figures_and_the_whole_table(study):
    stored, out = study
    write_table(stored, out, images=8, grid=1)
    table, found = read_table(out), STUDY.analysis.report(stored, out)
    assert [answer.name.partition(":")[0] for answer in found.answers] == ["CBR-Tiny", "CBR-Tiny"]
    assert len(found.records) == len(table)
    assert found.tables[0].columns == ("stage", "dimension", "before and after", "weights moved", "gamma@3")


def test_a_table_of_an_earlier_version_is_read_and_said_to_be_one(study):
    stored, out = study
    write_table(stored, out, images=8, grid=1)
    now = STUDY.analysis.report(stored, out).doubts[0]
    assert "by pairs of different patients" in now
    assert "earlier version" not in now
    table = read_table(out)
    table.drop(columns="pairs").to_csv(out / TABLE_FILE, index=False)
    before = STUDY.analysis.report(stored, out)
    assert "an earlier version that compared images of one patient, too" in before.doubts[0]
    assert len(before.records) == len(table)
    table.to_csv(out / TABLE_FILE, index=False)


def test_a_table_of_other_runs_is_not_reported(study, tmp_path):
    stored, made = study
    write_table(stored, made, images=8, grid=1)
    out = tmp_path / "out"
    shutil.copytree(made, out)
    STUDY.analysis.report(stored, out)
    (run,) = stored.runs
    other = dataclasses.replace(run, entry="cbr-tiny+width=2")  # noted before its training, which was interrupted
    with pytest.raises(MedshiftError, match=r"seed-0 is not finished, and similarity\.csv is of other runs: run `meds"):
        STUDY.analysis.report(dataclasses.replace(stored, runs=(other,)), out)
    with pytest.raises(MedshiftError, match="is not finished"):  # one with other settings stands in its place
        STUDY.analysis.report(dataclasses.replace(stored, runs=(dataclasses.replace(run, made="0" * 64),)), out)
    folder_of_run = out / run.protocol / run.entry / "seed-0"
    found = cards.read(folder_of_run)
    claim = found.predictions.model_copy(update={"sha256": "0" * 64})
    cards.write(found.model_copy(update={"predictions": claim}), folder_of_run)
    with pytest.raises(MedshiftError, match="was not measured on the runs of"):  # they were made again
        STUDY.analysis.report(stored, out)
    (out / KEY_FILE).write_text("0" * 64)  # of an earlier version, which cannot be compared
    STUDY.analysis.report(stored, out)
    (out / KEY_FILE).unlink()  # its measurement was interrupted
    with pytest.raises(MedshiftError, match="was not measured on the runs of"):
        STUDY.analysis.report(stored, out)


def test_without_the_arm_of_its_question_the_study_says_that_it_is_not_answered(study):
    stored, out = study
    write_table(stored, out, images=8, grid=1)
    assert STUDY.analysis.report(stored, out).other_first
    arms = {"imagenet": stored.study.arms["cbr"]}
    whole = dataclasses.replace(stored, study=dataclasses.replace(stored.study, arms=arms))
    runs = (dataclasses.replace(stored.runs[0], arm="imagenet"),)
    assert not STUDY.analysis.report(dataclasses.replace(whole, runs=runs), out).other_first


@pytest.mark.parametrize("text", ["question,arm\n", "", "a,b\n1,2\n"])
def test_a_damaged_table_says_how_to_make_it_again(tmp_path, text):
    (tmp_path / TABLE_FILE).write_text(text)
    with pytest.raises(MedshiftError, match="run `medshift study run similarity` again"):
        read_table(tmp_path)
