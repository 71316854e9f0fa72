"""The runs of a study: every cell of its grid, with every seed, as runs of a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...shifts.errors import MedshiftError
from ..contract import registry
from ..contract.registry import Baseline
from ..datasets.streaming.progress import Bar, no_bar
from ..runs.sweeps import methods
from ..runs.sweeps.methods import MethodError
from ..runs.sweeps.planned import PlannedRun, require_one_place_each
from ..runs.sweeps.sweep import Method, ProtocolChoice, typed
from ..runs.tuning import Budget
from ..scoring.metrics import METRICS
from .choosing.choose import Chosen, protocol_axes, reached
from .file import LoadedStudy
from .stored import StudyRun
from .study import Setting, Study
from .variants import Variant, variants


@dataclass(frozen=True)
class PlannedStudy:
    """The runs of a study.

    Args:
        study: The study as it is run.
        runs: Its runs.
        cells: Their places in the grid.
        variants: Its protocols.
        cuts: What the data do not allow, one sentence each.
    """

    study: Study
    runs: tuple[PlannedRun, ...]
    cells: tuple[StudyRun, ...]
    variants: tuple[Variant, ...]
    cuts: tuple[str, ...] = ()


def plan_study(
    loaded: LoadedStudy, choice: ProtocolChoice, chosen: Chosen, out: Path, bar: Bar = no_bar
) -> PlannedStudy:
    """Plan the runs of a study. Makes every baseline and loads the data, so that a mistake ends it before any run.

    Args:
        loaded: The study as it is run (`choose.choose`).
        choice: Its protocol, before any axis.
        chosen: Who answers for it, and the precision.
        out: Folder of submissions.
        bar: Shows progress of the data.

    Raises:
        MedshiftError: A baseline, a setting or the protocol is wrong, or two cells are the same entry.
    """
    study = loaded.study
    made = {name: list(_baselines(loaded, name)) for name in study.arms}
    tested = variants(study, choice, out, bar)
    for variant in tested:
        metric = variant.tested.protocol.metrics[0]
        if not METRICS[metric].higher_is_better:
            raise MedshiftError(
                f"study {study.name!r}: protocol {variant.tested.protocol.name!r} ranks by {METRICS[metric].title}, of "
                "which less is better, and a study's claims are about figures of which more is: give another protocol"
            )
    there = {axis.name: list(dict.fromkeys(each.levels[axis.name] for each in tested)) for axis in protocol_axes(study)}
    study, cuts = reached(study, there)
    runs, cells = [], []
    for arm, found in made.items():
        for levels, settings, baseline in found:
            for seed in range(study.seeds):
                for variant in tested:
                    if variant.seed not in (None, seed):
                        continue
                    dims = len(variant.tested.protocol.dataset.image_size)
                    run = PlannedRun(
                        study.arms[arm].baseline,
                        tuple(settings),
                        registry.for_dims(baseline, dims),
                        variant.tested,
                        seed,
                        Budget(),
                        chosen.submitter,
                        chosen.precision,
                    )
                    runs.append(run)
                    cell = {**levels, **variant.levels}
                    ordered = {axis.name: cell[axis.name] for axis in study.axes if axis.name in cell}
                    cells.append(StudyRun(arm, variant.tested.protocol.name, run.entry, seed, ordered, run.key))
    try:
        require_one_place_each(runs)
    except MedshiftError as error:
        raise MedshiftError(f"study {study.name!r}: {error}") from None
    return PlannedStudy(study, tuple(runs), tuple(cells), tuple(tested), tuple(cuts))


def _baselines(loaded: LoadedStudy, arm: str) -> Iterator[tuple[dict[str, Setting], list[str], Baseline]]:
    """Yield, for every cell of an arm, the levels of its hyper-parameters, its settings as typed, and the baseline."""
    study = loaded.study
    given = study.arms[arm]
    axes = [axis for axis in study.axes_of(arm) if axis.kind == "setting"]
    for number, axis in enumerate(axes):
        if axis.setting in given.settings:
            loaded.fail(f"the axis {axis.name!r} varies it", "arms", arm, "settings", axis.setting)
        if axis.setting in [other.setting for other in axes[:number]]:
            loaded.fail(f"two axes vary {axis.setting!r}", "axes", study.axes.index(axis), "setting")
    varied = {axis.setting: axis.levels for axis in axes}
    method = Method(given.baseline, {**{key: (value,) for key, value in given.settings.items()}, **varied})
    try:
        for settings, baseline in methods.baselines(method):
            yield {axis.name: settings[axis.setting] for axis in axes}, typed(settings), baseline
    except MethodError as error:
        where = next((("axes", study.axes.index(axis), "levels") for axis in axes if axis.setting == error.key), None)
        fallback = ("arms", arm, "settings", error.key) if error.key in given.settings else ("arms", arm)
        loaded.fail(error.problem, *(where or fallback))
