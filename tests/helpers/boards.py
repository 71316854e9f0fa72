"""Folders of submissions: a board's with hostile text, and a study's, as a run leaves it; pages; cells of a study."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from medshift.benchmark.contract.training_record import Curve
from medshift.benchmark.protocols.training_sets.label_fractions import keep_fraction
from medshift.benchmark.scoring.estimate import Estimate
from medshift.benchmark.studies import stored as storage
from medshift.benchmark.studies.grid.cells import Cell, Piece
from medshift.benchmark.studies.stored import StoredStudy, StudyData, StudyRun
from medshift.leaderboard.analysis.accuracy_line import lines
from medshift.leaderboard.analysis.correlation import correlation
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.entries.openness import packed
from medshift.leaderboard.ranking.board import rank_entries, rank_rows
from medshift.leaderboard.report.page import page as render

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> | [a](javascript:alert(1))"


def page(found):
    return render(found, correlation(found), lines(found))


def built_page(out):
    """Read the page of the one board in a folder that `build_leaderboard` wrote."""
    (path,) = out.glob("board-*.html")
    return path.read_text()


def invented(board, name, figures, draws=None, groups=50, **changes):
    """Copy a board under another name, with these entries and ranking figures, and ranks that follow from them.

    Args:
        board: A ranked board; its entries can be taken.
        name: Of the new protocol.
        figures: Entry -> its ranking figure.
        draws: Entry -> its replicates; by default they do not vary, so that every difference is supported.
        groups: Number of groups behind the figures.
        changes: Of single rows, by entry.
    """
    rows = []
    for row in board.rows:
        if row.name not in figures:
            continue
        at, metric = row.aggregates.names.index(board.ranked_figure), row.aggregates.metrics.index(board.rank_by)
        values, replicates = row.aggregates.values.copy(), row.scored.replicates.copy()
        values[at, metric] = figures[row.name]
        replicates[at] = (draws or {}).get(row.name, figures[row.name])
        scored = replace(row.scored, replicates=replicates, spread=np.zeros_like(row.scored.spread))
        made = replace(row, aggregates=replace(row.aggregates, values=values), scored=scored, rank=None, tier=0)
        rows.append(replace(made, **changes.get(row.name, {})))
    protocol = board.protocol.model_copy(update={"name": name})
    ordered, pairs = rank_rows(rows, protocol, groups)
    return replace(board, protocol=protocol, rows=ordered, pairs=pairs, registered=any(r.claimed for r in ordered))


def audit_record(**changes):
    """Make the record of an audit that fits the made-up protocol of the factories."""
    counts = [{"domain": f"site-{name}", "images": [100, 100], "groups": [9, 9]} for name in "abc"]
    found = {
        "schema": "medshift-audit/1",
        "dataset": "made-up",
        "version": "1",
        "classes": ["class-0", "class-1"],
        "source": "site-a",
        "counts": counts,
        "duplicates": {"all": 3, "exact": 1, "group": 2, "split": 0, "domain": 2, "label": 0},
        "findings": [
            {"weight": "grave", "text": "2 pairs of duplicate images in different groups", "advice": "Keep one."},
            *({"weight": "note", "text": f"note {n}", "advice": "Test these shifts first."} for n in (1, 2, 3)),
        ],
        "shortcuts": [{"trained": "site-a", "tested": "site-b", "area": 0.62, "low": 0.5, "high": 0.7}],
        "severities": [
            {"domain": "site-b", "shift": "gamma", "severity": 1.5, "low": 1.0, "high": 2.0, "contradictory": False}
        ],
        "medshift": "0.1.0",
    }
    return {**found, **changes}


def root(fabricate, folder, **changes):
    """Make a folder with one protocol and five submissions of three entries."""
    place, made, rows = fabricate.contest(folder, fabricate.table(groups=8), **changes)
    for seed in (0, 1):
        training = fabricate.trained(3000, (0.7, 0.4 - seed / 10, 0.5))
        fabricate.submission(place, made, rows, "good+lr=0.01", seed, skill=3.0, summary=HOSTILE, training=training)
        fabricate.submission(place, made, rows, "poor", seed, skill=1.0)
    fabricate.submission(place, made, rows, "adapting", 0, skill=2.0, sees="test-batches", config={"a<b": HOSTILE})
    return folder


def ranked_board(fabricate, tmp_path_factory, entries, draws, **contest):
    """Rank entries, name -> what else `fabricate.submission` is given, of one real site, to be given other figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        place = tmp_path_factory.mktemp("board")
        rows = fabricate.table(groups=4, per_group=2, targets=("site-b",))
        given = {"targets": ("site-b",), "shifts": {"gamma": "contrast"}, **contest}
        where, made, rows = fabricate.contest(place, rows, **given)
        for name, more in entries.items():
            fabricate.submission(where, made, rows, entry=name, **more)
        return rank_entries(protocol_folders(place)[0], draws, workers=1)


SMALL = """\
name = "small"
question = "Does a higher rate do better?"
claim = "A higher rate does better."
source = "Nobody 2020"
refuted = "It does worse."
seeds = 2

[arms.ours]
baseline = "cbr-tiny"
title = "our method"

[[axes]]
name = "rate"
setting = "lr"
levels = [1e-3, 3e-3]

[[answers]]
measure = "change"
of = "ours"
figure = "clean"
base = { rate = 1e-3 }
least = 0.0
sentence = "The higher rate changes {metric} by {value} on {dataset}."
"""


def study_folder(fabricate, root, study, skill, rows=None, leave_out=lambda run: False, **changes):
    """Write the submissions of a study and its `study.toml`; return the stored study.

    Args:
        fabricate: The fixture.
        root: Folder to write into.
        study: The study.
        skill: Skill of a method by arm, levels and seed.
        rows: The truth; that of `fabricate.table` by default.
        leave_out: Whether a run is not finished.
        changes: Of the stored study.
    """
    rows = fabricate.table(groups=8) if rows is None else rows
    of_protocol = [axis for axis in study.axes if axis.kind != "setting"]
    runs, made = [], {}
    for arm, method in study.arms.items():
        for levels in study.cells(arm):
            for seed in range(study.seeds):
                name = "-".join(["made-up", *(f"{axis.name}-{levels[axis.name]}" for axis in of_protocol)])
                fraction = min((levels[axis.name] for axis in of_protocol if axis.kind == "labels"), default=1)
                kept = rows if fraction == 1 else keep_fraction(rows, "site-a", fraction, seed)
                if fraction < 1:
                    name += f"-seed-{seed}"
                if name not in made:
                    made[name] = fabricate.contest(root, kept, name=name)
                settings = [f"{axis.setting}={levels[axis.name]}" for axis in study.axes_of(arm) if axis.setting]
                run = StudyRun(arm, name, "+".join([method.baseline, f"arm={arm}", *settings]), seed, levels)
                runs.append(run)
                if not leave_out(run):
                    training = fabricate.trained(3000)
                    course = fabricate.course(training, (0.6, 0.8, 0.9))
                    given = {"skill": skill(arm, levels, seed), "training": training, "curve": course}
                    fabricate.submission(*made[name], run.entry, seed, **given)
    stored = StoredStudy(study, StudyData("made-up", True), "medshift study run x", runs=tuple(runs))
    storage.write(StoredStudy(**{**vars(stored), **changes}), root)
    return storage.read(root)


def cell(values, spread=0.01, seed=0, replicates=400, units=50.0):
    """A cell whose seeds have these values; replicates scatter around each in the same way for every cell."""
    noise = np.random.default_rng(seed).normal(0, spread, replicates)
    each = np.stack([np.concatenate([[value], value + noise]) for value in values])

    def estimate(figure, seeds=()):
        chosen = each[list(seeds)] if seeds else each
        several = chosen if len(chosen) > 1 else np.empty((0, 0))
        return Estimate(
            float(chosen[:, 0].mean()), chosen[:, 1:].mean(axis=0), units=units, bounds=(0, 1), by_seed=several
        )

    return SimpleNamespace(seeds=tuple(range(len(values))), estimate=estimate)


def trainings(*figures, every=100, final=0.9):
    """A cell whose seeds have these figures on source validation, evaluated evenly; the last one is kept."""
    curves = []
    for course in figures:
        rows = [(every * n, 0.0, 0, 0.0, 0.0, 0.0, figure, 0.0) for n, figure in enumerate(course, 1)]
        curves.append(Curve.of_rows("balanced_accuracy", rows))
    kept = every * len(figures[0])
    training = SimpleNamespace(kept=kept, steps=kept)
    cards = [SimpleNamespace(seed=seed, training=training) for seed in range(len(figures))]
    again = np.clip(final + np.random.default_rng(0).normal(0, 0.02, 400), 0, 1)
    by_seed = np.tile([final, *again], (len(figures), 1))
    closed = packed([[Estimate(final, again) for _ in figures]])
    row = SimpleNamespace(
        cards=cards, curves=curves, by_seed=lambda name: by_seed, scored=closed, aggregates=SimpleNamespace(names=())
    )
    protocol = SimpleNamespace(dataset=SimpleNamespace(classes=("a", "b")), source="s")
    board = SimpleNamespace(protocol=protocol, rank_by="balanced_accuracy", units={("s", "val"): 20.0})
    return Cell("a", {}, (Piece(board, row, tuple(range(len(figures)))),))


def stands_at(step, level=0.9):
    """The figures of ten evaluations that are at chance before a step, and at a level from there on."""
    return [level if 100 * n >= step else 0.5 for n in range(1, 11)]
