"""A disk that is full: one line, and no half-written file, whatever writes."""

from __future__ import annotations

import pandas as pd
import pytest
from helpers.cli import files_in, line_of
from helpers.files.full_disk import full_disk
from helpers.images.image_folders import folder

from medshift.benchmark.cli import scaffold
from medshift.benchmark.cli.commands import shifts
from medshift.benchmark.datasets import manifest
from medshift.benchmark.exchange import export
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.reporting.markdown import replace_between
from medshift.benchmark.severity import chart
from medshift.benchmark.submissions.submit import submit
from medshift.leaderboard.build import build_leaderboard
from medshift.shifts.errors import MedshiftError


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "set")


def _new(images, fabricate, tmp, out):
    return lambda: scaffold.new("shift", "nothing-known", out)


def _preview(images, fabricate, tmp, out):
    return lambda: shifts.preview(out=out / "sheet.png", data=images, shifts=["gamma"])


def _chart(images, fabricate, tmp, out):
    found = pd.DataFrame(
        [("gamma", "contrast", level, 0.9, 0.8, 0.1) for level in (1, 5)],
        columns=["shift", "family", "severity", "ssim", "accuracy", "loss"],
    )
    return lambda: chart.draw(found, "set", out / "calibration.png")


def _protocol(images, fabricate, tmp, out):
    rows = fabricate.table()
    return lambda: write_protocol(fabricate.terms(rows), rows, out / "protocol")


def _entry(fabricate, tmp):
    return fabricate.submission(*fabricate.contest(tmp / "submissions", fabricate.table(groups=6)))


def _leaderboard(images, fabricate, tmp, out):
    where = _entry(fabricate, tmp).parents[2]
    return lambda: build_leaderboard(where, out)


def _submit(images, fabricate, tmp, out):
    place = _entry(fabricate, tmp)
    (out / "leaderboard").mkdir(parents=True)
    return lambda: submit(place, out)


def _export(images, fabricate, tmp, out):
    dataset = manifest.read_manifest(images)
    made = plan.plan(dataset, Choices(shifts=("gamma",), severities=(3,)))
    return lambda: export.export(dataset, *made, out, "npy")


@pytest.mark.parametrize(
    "prepare", [_new, _preview, _chart, _protocol, _leaderboard, _submit, _export], ids=lambda p: p.__name__[1:]
)
def test_a_full_disk_is_one_line_and_nothing_is_torn(images, fabricate, tmp_path, home, capsys, prepare):
    out = tmp_path / "out"
    work = prepare(images, fabricate, tmp_path, out)
    with full_disk(), pytest.raises((MedshiftError, OSError)) as error:
        work()
    line = line_of(error.value)
    assert "cannot be written" in line
    assert "File too large" in line
    assert "\n" not in line
    sizes = {name: (out / name).stat().st_size for name in files_in(out)}
    assert not [name for name in sizes if name.endswith(".part")]
    assert all(size < 900 for size in sizes.values())  # what stands there was written whole
    work()  # with room again, the same command succeeds
    assert files_in(out)


def test_a_marked_section_keeps_its_old_text_on_a_full_disk(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("before <a>old<b> after")
    with full_disk(100), pytest.raises((MedshiftError, OSError)):
        replace_between(path, "<a>", "new" * 100, "<b>")
    assert path.read_text() == "before <a>old<b> after"
    assert files_in(tmp_path) == ["page.md"]


def test_scores_that_cannot_be_cached_are_shown_all_the_same(fabricate, tmp_path, monkeypatch, capsys):
    place = tmp_path / "home"
    place.write_text("a file, so that no folder can be made in it")
    monkeypatch.setenv("MEDSHIFT_HOME", str(place))
    build_leaderboard(_entry(fabricate, tmp_path).parents[2], tmp_path / "site")
    assert (tmp_path / "site" / "index.html").is_file()
    assert "Leaderboard: " in capsys.readouterr().out
