"""Random search over a baseline's hyper-parameters (`--tune N`), by loss on source validation."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ...shifts.errors import MachineError, MedshiftError, in_one_line
from ..contract import registry
from ..contract.registry import Baseline
from ..contract.search_space import Choice, Draw, Value, draw_settings
from ..files.atomic import write_text
from ..submissions.card import TrialClaim, TuningClaim

if TYPE_CHECKING:
    from ..contract.access import Access
    from ..contract.predictor import Predictor

TUNING_FILE = "tuning.json"
Fit: TypeAlias = "Callable[[Baseline, Access], Predictor]"
LEAST = 1e-6  # floor of probabilities in the loss, so that one confidently wrong image does not decide alone


@dataclass(frozen=True)
class Budget:
    """The budget of a random search.

    Args:
        draws: Number of settings tried, the first being the settings as given; 0 tunes nothing.
        keys: Names of the hyper-parameters that are drawn.
    """

    draws: int = 0
    keys: tuple[str, ...] = ()

    @property
    def trials(self) -> int:
        """Number of settings that are tried: without a hyper-parameter to draw, all draws are the same."""
        return self.draws if self.keys else min(self.draws, 1)


def budget(baseline: Baseline, draws: int, settings: Sequence[str]) -> Budget:
    """Make a budget that draws no hyper-parameter that the user has set, nor one that counts for nothing beside these.

    Args:
        baseline: The baseline to tune.
        draws: As after `--tune`.
        settings: `key=value`, as after `--set`.
    """
    if not draws:
        return Budget()
    given = {setting.partition("=")[0] for setting in settings}
    space = registry.search(baseline)
    return Budget(draws, tuple(key for key in space if key not in given and _goes_with(baseline, key, space[key])))


def said_twice(budget: str, settings: Sequence[str]) -> str:
    """Return the setting that says how long to train where a budget does, too; empty if none does."""
    lengths = [each for each in settings if each.partition("=")[0] in ("budget", "steps") and each != "steps=0"]
    return lengths[0] if budget and lengths else ""


def fit_here(baseline: Baseline, access: Access) -> Predictor:
    """Fit a baseline in this process."""
    return baseline.fit(access)


def tune_baseline(
    baseline: Baseline, budget: Budget, access: Access, batch_size: int, folder: Path, fit: Fit = fit_here
) -> Baseline:
    """Choose the settings with the lowest loss on source validation, and write the record to `folder`.

    Each draw is fitted and scored by `loss`. The settings as given are the first draw and win ties, so tuning is never
    worse on validation than not tuning. A later draw that cannot be trained (because it diverges, say) is recorded
    without a score. Draws that were scored before an interruption are not fitted again.

    Args:
        baseline: The baseline with the settings as given.
        budget: The budget; at least one draw.
        access: What `fit` is given.
        batch_size: Batch size of the stream of validation images.
        folder: Where the scores are kept.
        fit: Fits a baseline.

    Returns:
        The baseline with the chosen settings.
    """
    space = {key: registry.search(baseline)[key] for key in budget.keys}
    if not space:
        access.report("nothing to tune: no hyper-parameter is left to draw, and the settings are those given")
    tried = [draw_settings(space, access.seed, number) if number else {} for number in range(budget.trials)]
    trials = []
    for number, settings in enumerate(tried):
        path = folder / _draw_file(number)
        if not path.exists():
            score = _score(baseline, settings, access, batch_size, fit)
            write_text(path, json.dumps(score))
        score = json.loads(path.read_text(encoding="utf-8"))
        shown = ", ".join(f"{key}={value}" for key, value in settings.items()) or "settings as given"
        result = "cannot be trained" if score is None else f"{score:.4f} on source validation"
        access.report(f"draw {number + 1}/{len(tried)}: {shown}: {result}")
        trials.append(TrialClaim(settings={**settings}, score=score))
    best = min(range(len(trials)), key=lambda number: _order(trials[number].score))
    access.report(f"chosen: draw {best + 1}")
    searched = {key: str(draw) for key, draw in space.items()}
    claim = TuningClaim(draws=budget.draws, searched=searched, chosen=best, trials=tuple(trials))
    write_text(folder / TUNING_FILE, claim.model_dump_json())
    return _with(baseline, tried[best])


def count_scored(folder: Path) -> int:
    """Count the draws whose scores an interrupted search has left in a folder."""
    return len(list(folder.glob("draw-*.json")))


def _draw_file(number: int) -> str:
    return f"draw-{number:04}.json"


def record(folder: Path) -> TuningClaim:
    """Read the record that `tune_baseline` left in a folder."""
    return TuningClaim.model_validate_json((folder / TUNING_FILE).read_bytes())


def loss(predictor: Predictor, access: Access, batch_size: int) -> float:
    """Compute the cross-entropy on source validation, averaged over the classes present; lower is better.

    The images come as a stream in a seeded order independent of labels, as test images do, so that methods that adapt
    to batches are judged on batches.
    """
    from ..contract.predictor import fresh_copy, validated_probabilities
    from ..datasets.streaming.ahead import made_ahead
    from ..protocols.condition import Condition

    fresh = fresh_copy(predictor)
    order = np.random.default_rng(access.seed).permutation(len(access.val))
    parts = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    read = (access.val.scaled(access.val.stored(part), access.device) for part in parts)
    where = Condition("source", "validation")
    with made_ahead(read, access.device) as batches:
        made = [validated_probabilities(fresh(images), len(images), len(access.classes), where) for images in batches]
    labels = access.val.labels[order]
    right = np.concatenate(made)[np.arange(len(labels)), labels].astype(np.float64)
    costs = -np.log(np.maximum(right, LEAST))
    return float(np.mean([costs[labels == label].mean() for label in np.unique(labels)]))


def _score(baseline: Baseline, settings: dict[str, Value], access: Access, batch_size: int, fit: Fit) -> float | None:
    """Return the loss of what was drawn, or None if it cannot be trained; the settings as given must be."""
    try:
        return loss(fit(_with(baseline, settings), access), access, batch_size)
    except MachineError:  # says nothing of the setting: the draw is made again
        raise
    except MedshiftError as error:
        if not settings:
            raise
        access.report(str(error))
        return None


def _with(baseline: Baseline, settings: dict[str, Value]) -> Baseline:
    try:
        made: Baseline = dataclasses.replace(baseline, **settings)  # type: ignore[type-var]
    except ValueError as error:
        raise MedshiftError(f"the baseline refuses what was drawn: {in_one_line(error)}") from error
    return made


def _goes_with(baseline: Baseline, key: str, draw: Draw) -> bool:
    """Say whether a baseline as given takes another value of a choice: beside some settings, none of them counts."""
    others = [value for value in draw.values if value != getattr(baseline, key)] if isinstance(draw, Choice) else []
    for value in others:
        try:
            _with(baseline, {key: value})
        except MedshiftError:
            continue
        return True
    return not others


def _order(score: float | None) -> float:
    return math.inf if score is None else score
