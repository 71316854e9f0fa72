"""What a study costs, from its definition alone: runs, training steps, and a rough time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....baselines.common.recipe import BUDGETS, Recipe
from ...files.wording import duration, plural
from ..study import Arm, Setting, Study

STEP = 0.12  # seconds of a step of the default network at batch 32 and 64 px on two cores
SCORING = 60.0  # seconds to shift the test images and to predict them, at three severities


@dataclass(frozen=True)
class Cost:
    """The cost of a study.

    Args:
        runs: Number of runs.
        steps: Training steps of all of them.
        seconds: Rough time on two cores, at 64 px.
    """

    runs: int
    steps: int
    seconds: float

    @property
    def text(self) -> str:
        """The cost in words: `36 runs, 117,000 steps, roughly 4 h on two cores at 64 px`."""
        size = f"{plural(self.runs, 'run')}, {plural(self.steps, 'step')}"
        return f"{size}, roughly {duration(self.seconds)} on two cores at 64 px, less with a GPU"


def cost(study: Study) -> Cost:
    """Add up the runs of a study."""
    runs, steps, seconds = 0, 0, 0.0
    for name, arm in study.arms.items():
        for levels in study.cells(name):
            settings = {**arm.settings, **{axis.setting: levels[axis.name] for axis in study.axes_of(name)}}
            each = _steps(arm, settings)
            runs += study.seeds
            steps += study.seeds * each
            seconds += study.seeds * (each * STEP * arm.cost + SCORING)
    return Cost(runs, steps, seconds)


def _steps(arm: Arm, settings: Mapping[str, Setting]) -> int:
    """Return the training steps of a run; a budget or number of steps that is wrong is told when runs are planned."""
    if arm.cost == 0:
        return 0
    given = str(settings.get("steps", "0"))
    own = int(given) if given.isdigit() else 0
    return own or BUDGETS.get(str(settings.get("budget", Recipe.budget)), BUDGETS["standard"])
