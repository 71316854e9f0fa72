"""What a study's report reads of its folder and leaves there, and its figures' names and legends."""

from __future__ import annotations

import dataclasses
import shutil

import pytest
from helpers.boards import SMALL, study_folder

from medshift.benchmark.studies import stored
from medshift.benchmark.studies.file import read_study
from medshift.benchmark.studies.findings import Curve, Drawing, Findings, Point
from medshift.benchmark.studies.grid import cells as cells_of
from medshift.benchmark.studies.grid.cells import read_grid
from medshift.benchmark.studies.grid.report import _ticks
from medshift.benchmark.studies.report.build import build_report
from medshift.benchmark.studies.report.page import page
from medshift.benchmark.studies.study import Axis


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "s.toml"
    path.write_text(SMALL)
    return read_study(path).study


@pytest.fixture(scope="module")
def made(fabricate, small, tmp_path_factory):
    """A folder whose one run of four is not finished, and its report."""
    root = tmp_path_factory.mktemp("made")
    missing = {"leave_out": lambda run: run.seed == 1 and run.levels["rate"] == 3e-3}
    study_folder(fabricate, root, small, lambda arm, levels, seed: 1.0 + 0.1 * seed, **missing)
    return root, build_report(root)


def test_what_gains_is_computed_once_for_all_cells(made, monkeypatch):
    root, _ = made
    grid, counted = read_grid(stored.read(root), root), []
    gain = cells_of.gain_of_seed
    monkeypatch.setattr(cells_of, "gain_of_seed", lambda *given: counted.append(given) or gain(*given))
    shown = [grid.steps(cell, "common-95").value for cell in grid.cells for _ in range(3)]
    assert len(counted) == 3  # a training per finished run
    assert shown == pytest.approx([1925] * 6)


def test_figures_that_are_no_longer_drawn_are_removed_and_other_files_stay(made, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(made[0], root)
    (root / "figures" / "own.svg").write_text("<svg/>")
    noted = stored.read(root)
    stored.write(dataclasses.replace(noted, study=dataclasses.replace(noted.study, draw=())), root)
    assert stored.read(root).study.draw == ()
    assert len(list((root / "figures").iterdir())) == 3
    build_report(root)
    assert [path.name for path in (root / "figures").iterdir()] == ["own.svg"]


def test_other_entries_of_a_copied_board_are_neither_scored_nor_told(fabricate, made, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(made[0], root)
    others = root / "made-up" / "stranger"
    shutil.copytree(next((root / "made-up").glob("*/seed-0")), others / "seed-0")
    (others / "seed-0" / "card.json").write_text("{}")
    scored = []
    found = build_report(root, scored.append).findings
    assert "stranger" not in scored
    assert found == made[1].findings


def test_levels_with_names_are_called_by_them_along_the_axis():
    assert _ticks(Axis("layers", (0, -1), setting="layers", names=("none", "all"))) == [(0.0, "none"), (1.0, "all")]
    assert _ticks(Axis("rate", (1e-3, 3e-3), setting="lr")) == [(0.0, "0.001"), (1.0, "0.003")]


@pytest.mark.parametrize(("curves", "legends"), [(8, 1), (9, 2)])
def test_more_curves_than_styles_have_a_legend_per_figure(small, curves, legends):
    names = [f"method {number}" for number in range(curves)]
    drawings = [
        Drawing(name, name, "x", "y", [Curve(each, [Point(1.0, 0.5)]) for each in some])
        for name, some in (("one", names[:5]), ("two", names[5:]))
    ]
    made = page(stored.StoredStudy(small, stored.StudyData("set"), "x"), Findings([], drawings))
    assert made.count('<ul class="legend">') == legends
    assert all(made.count(f"</svg>{name}</li>") == 1 for name in names)
