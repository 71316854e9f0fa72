"""The folder of a study with fabricated submissions, as `medshift study run` leaves it, and a small study."""

from __future__ import annotations

from medshift.benchmark.studies import stored as storage
from medshift.benchmark.studies.stored import StoredStudy, StudyData, StudyRun

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
                if any(axis.kind == "labels" and levels[axis.name] < 1 for axis in of_protocol):
                    name += f"-seed-{seed}"
                if name not in made:
                    made[name] = fabricate.contest(root, rows, name=name)
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
