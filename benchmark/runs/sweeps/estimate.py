"""How long the runs of a sweep will take, from the cards and curves of finished ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from ...contract import registry
from ...files.wording import duration, plural
from ...submissions import card, curve
from .planned import PlannedRun


class Took(NamedTuple):
    """What a finished run took.

    Args:
        fit: Seconds of fitting, training included, wherever the network came from.
        predict: Seconds of predicting.
        steps: Length of the schedule of training; 0 if it is not known.
    """

    fit: float
    predict: float
    steps: int


class Durations:
    """Seconds that finished runs in a folder of submissions took.

    Those of training are the curve's: a run whose network was in the cache, or that was resumed, fitted for less.

    Args:
        out: Folder of submissions.
        runs: Only submissions of their baselines are read.
    """

    def __init__(self, out: Path, runs: Sequence[PlannedRun]) -> None:
        self._found: dict[tuple[str, ...], list[Took]] = {}
        names = {registry.label(run.name) for run in runs}
        for path in sorted(out.glob(f"*/*/seed-*/{card.CARD_FILE}")):
            entry = path.parent.parent.name
            if entry.partition("+")[0] not in names:
                continue
            found = card.parse(path)
            if isinstance(found, card.Card):
                self._add(path.parent, found)

    def _add(self, folder: Path, found: card.Card) -> None:
        course, _ = curve.examine(folder, found)
        fit = max(found.timings.fit_s, course.seconds[-1] if course is not None else 0.0)
        if fit == 0:  # the rest of a resumed run, which says nothing of a whole one
            return
        took = Took(fit, found.timings.predict_s, found.training.steps if found.training else 0)
        name, protocol = found.baseline.name, folder.parents[1].name
        for key in ((name, protocol, folder.parent.name), (name, protocol), (name,)):
            self._found.setdefault(key, []).append(took)

    def of(self, run: PlannedRun) -> float | None:
        """Return the mean of the most similar runs: of the entry, else of the baseline; None if there are none.

        Of runs with another length of training, that of fitting is scaled to the steps that are planned.
        """
        name, protocol = registry.label(run.name), run.study.protocol.name
        planned = getattr(run.baseline, "length", 0)
        for key in ((name, protocol, run.entry), (name, protocol), (name,)):
            if key in self._found:
                return fmean(
                    took.fit * (planned / took.steps if planned and took.steps else 1) + took.predict
                    for took in self._found[key]
                )
        return None


def told_total(runs: Sequence[PlannedRun], durations: Durations, workers: int | None) -> str:
    """Tell how long runs will take, as far as finished runs of their baselines say it.

    Args:
        runs: The runs.
        durations: Of finished runs.
        workers: Number of runs at a time; None tells the sum of their times.
    """
    found = [durations.of(run) for run in runs]
    known = [seconds for seconds in found if seconds is not None]
    if not runs:
        return "nothing to do"
    if not known:
        return "time unknown: no finished run of these baselines"
    lacking = len(found) - len(known)
    spread = max(sum(known) / (workers or 1), max(known))
    among = plural(workers, "worker") if workers else "all of them one after the other"
    rest = f", and {lacking} of unknown length" if lacking else ""
    return f"about {duration(spread)} with {among}{rest}"
