"""The folder of a study with fabricated submissions, as `medshift study run` leaves it."""

from __future__ import annotations

from medshift.benchmark.studies import stored as storage
from medshift.benchmark.studies.stored import StoredStudy, StudyData, StudyRun


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
    by_protocol = [axis for axis in study.axes if axis.kind != "setting"]
    runs, made = [], {}
    for arm, method in study.arms.items():
        for levels in study.cells(arm):
            for seed in range(study.seeds):
                which = "-".join(f"{axis.name}-{levels[axis.name]}" for axis in by_protocol)
                own = f"-seed-{seed}" if any(axis.kind == "labels" and levels[axis.name] < 1 for axis in by_protocol) else ""
                name = f"made-up-{which}{own}" if which else "made-up"
                if name not in made:
                    made[name] = fabricate.contest(root, rows, name=name)
                folder, protocol, truth = made[name]
                settings = [f"{axis.setting}={levels[axis.name]}" for axis in study.axes_of(arm) if axis.setting]
                entry = "+".join([method.baseline, f"arm={arm}", *settings])
                run = StudyRun(arm, name, entry, seed, levels)
                runs.append(run)
                if not leave_out(run):
                    fabricate.submission(
                        folder, protocol, truth, entry, seed, skill=skill(arm, levels, seed), training=fabricate.trained(40)
                    )
    stored = StoredStudy(study, StudyData("made-up", True), "medshift study run x", runs=tuple(runs))
    storage.write(storage.StoredStudy(**{**vars(stored), **changes}), root)
    return storage.read(root)
