"""How long the runs of a sweep will take, from the cards of finished ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from ...contract import registry
from ...files.wording import duration, plural
from ...submissions import card
from .planned import PlannedRun


class Durations:
    """Seconds that finished runs in a folder of submissions took.

    Args:
        out: Folder of submissions.
        runs: Only submissions of their baselines are read.
    """

    def __init__(self, out: Path, runs: Sequence[PlannedRun]) -> None:
        self._found: dict[tuple[str, ...], list[float]] = {}
        names = {registry.label(run.name) for run in runs}
        for path in sorted(out.glob(f"*/*/seed-*/{card.CARD_FILE}")):
            entry = path.parent.parent.name
            if entry.partition("+")[0] not in names:
                continue
            found = card.parse(path)
            if isinstance(found, card.Card):
                self._add(path.parents[2].name, entry, found)

    def _add(self, protocol: str, entry: str, found: card.Card) -> None:
        if found.timings.fit_s == 0:  # the rest of a resumed run, which says nothing of a whole one
            return
        seconds = found.timings.fit_s + found.timings.predict_s
        for key in ((found.baseline.name, protocol, entry), (found.baseline.name, protocol), (found.baseline.name,)):
            self._found.setdefault(key, []).append(seconds)

    def of(self, run: PlannedRun) -> float | None:
        """Return the mean of the most similar runs: of the entry, else of the baseline; None if there are none."""
        name, protocol = registry.label(run.name), run.study.protocol.name
        for key in ((name, protocol, run.entry), (name, protocol), (name,)):
            if key in self._found:
                return fmean(self._found[key])
        return None


def told_total(runs: Sequence[PlannedRun], durations: Durations, workers: int) -> str:
    """Tell how long runs will take with a number of workers, as far as finished runs of their baselines say it."""
    found = [durations.of(run) for run in runs]
    known = [seconds for seconds in found if seconds is not None]
    if not runs:
        return "nothing to do"
    if not known:
        return "time unknown: no finished run of these baselines"
    lacking = len(found) - len(known)
    spread = max(sum(known) / workers, max(known))
    rest = f", and {lacking} of unknown length" if lacking else ""
    return f"about {duration(spread)} with {plural(workers, 'worker')}{rest}"
