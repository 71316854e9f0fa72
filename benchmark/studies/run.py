"""Run a study: plan it, note it in its folder, make its runs by the sweep, and measure what it measures itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from ..datasets.streaming.progress import Bar, no_bar
from ..runs.sweeps import options
from ..runs.sweeps.cluster import Cluster
from ..runs.sweeps.local import Workers
from ..runs.sweeps.outcome import SweepProgress, SweepResult
from ..runs.sweeps.run_sweep import make_runs
from ..runs.sweeps.sweep import ProtocolChoice
from . import stored
from .choosing.choose import Chosen, choose
from .file import LoadedStudy
from .plan import PlannedStudy, plan_study
from .stored import StoredStudy, StudyData
from .study import Setting


@dataclass(frozen=True)
class PreparedStudy:
    """A study that is ready to run.

    Args:
        planned: Its runs.
        stored: What is noted in its folder.
        out: Its folder.
    """

    planned: PlannedStudy
    stored: StoredStudy
    out: Path

    def is_reported(self, result: SweepResult) -> bool:
        """Return whether the study's runs are enough for a report: any of a grid, all of an analysis of its own."""
        if self.stored.own_analysis:
            return not (result.failed or result.elsewhere)
        return bool(result.folders)


def prepare(
    loaded: LoadedStudy,
    chosen: Chosen,
    out: Path,
    command: Sequence[str] = (),
    pool: Workers | Cluster | None = None,
    bar: Bar = no_bar,
    first: Callable[[LoadedStudy, Sequence[str]], None] = lambda loaded, cuts: None,
) -> PreparedStudy:
    """Plan a study; nothing is written yet.

    Args:
        loaded: The study as defined.
        chosen: How it is run.
        out: Its folder.
        command: The words that make it, for the report.
        pool: Where its runs are made.
        bar: Shows progress of the data.
        first: Called with the study as it is run and how it differs, before data are loaded.

    Raises:
        MedshiftError: The study, its baselines or the data are wrong, or the data do not suit its own analysis.
    """
    study, choice, cuts = choose(loaded.study, chosen)
    made = replace(loaded, study=study)
    first(made, cuts)
    planned = plan_study(made, choice, chosen, out, bar)
    check = getattr(study.analysis, "check", None)
    if check is not None:
        for variant in planned.variants:
            check(variant.tested.protocol, variant.tested.table)
    pool = pool or Workers()
    threads = pool.threads_each if isinstance(pool, Workers) else pool.threads
    settings: dict[str, Setting] = {"device": pool.device, "precision": chosen.precision, "threads": threads}
    noted = StoredStudy(
        planned.study,
        _data(planned, choice),
        " ".join(command),
        tuple(dict.fromkeys((*cuts, *planned.cuts))),
        planned.cells,
        settings,
        study.analysis is not None,
    )
    return PreparedStudy(planned, noted, out)


def run_study(
    prepared: PreparedStudy, pool: Workers | Cluster | None = None, progress: SweepProgress | None = None
) -> SweepResult:
    """Make the runs of a study that are not done; the same call resumes it.

    Raises:
        MedshiftError: The folder holds another study, or its own analysis failed.
    """
    stored.write(prepared.stored, prepared.out)
    result = make_runs(prepared.planned.runs, prepared.out, pool or Workers(), progress)
    if prepared.stored.own_analysis and prepared.is_reported(result):
        prepared.stored.study.analysis.measure(prepared.stored, prepared.out)
    return result


def _data(planned: PlannedStudy, choice: ProtocolChoice) -> StudyData:
    """Describe the data of a study."""
    facts = planned.variants[0].tested.protocol.dataset
    found: dict[str, Setting | tuple[Setting, ...]] = {}
    for name, place in options.OPTIONS.items():
        value = place.of(choice)
        if value != place.default and value is not None:
            found[name] = str(value) if isinstance(value, Path) else cast("Setting | tuple[Setting, ...]", value)
    tested = [variant.tested for variant in planned.variants]
    images = {each.protocol.name: each.images_sha256 for each in tested if each.images_sha256}
    return StudyData(facts.name, facts.simulated, found, images)
