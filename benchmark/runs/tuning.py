"""`--tune N`: random draws of a baseline's hyper-parameters, chosen between on source validation alone."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...shifts.errors import MedshiftError, in_one_line
from ..contract import registry
from ..contract.registry import Baseline
from ..contract.search_space import Value, draw_settings
from ..files.atomic import write_text
from ..submissions.card import TrialClaim, TuningClaim

if TYPE_CHECKING:
    from ..contract.access import Access
    from ..contract.predictor import Predictor

TUNING_FILE = "tuning.json"
LEAST = 1e-6  # probability that a logarithm is taken of: one image that is surely wrong does not decide alone


@dataclass(frozen=True)
class Budget:
    """How much is tuned.

    Args:
        draws: How many settings are tried, those as given among them, the first; 0 tunes nothing.
        keys: The hyper-parameters that are drawn.
    """

    draws: int = 0
    keys: tuple[str, ...] = ()


def budget(baseline: Baseline, draws: int, settings: Sequence[str]) -> Budget:
    """Returns a budget that leaves alone what the user has set.

    Args:
        baseline: What is tuned.
        draws: As after `--tune`.
        settings: `key=value`, as after `--set`.
    """
    if not draws:
        return Budget()
    given = {setting.partition("=")[0] for setting in settings}
    return Budget(draws, tuple(key for key in registry.search(baseline) if key not in given))


def tune_baseline(baseline: Baseline, budget: Budget, access: Access, batch_size: int, folder: Path) -> Baseline:
    """Returns the baseline with the settings that did best on source validation, and leaves the record in `folder`.

    Each draw is fitted and scored by `loss`. The settings as given are the first draw and win ties, so that tuning is
    never worse on validation than not tuning. A later draw that cannot be trained (it diverges, say) is recorded
    without a score. Draws that were scored before an interruption are not fitted again.

    Args:
        baseline: With the settings as given.
        budget: What is drawn, how often; at least once.
        access: What `fit` is given.
        batch_size: Of the stream in which the validation images come.
        folder: Where the scores are kept.
    """
    space = {key: registry.search(baseline)[key] for key in budget.keys}
    # without a space all draws are the same one
    tried = [
        draw_settings(space, access.seed, number) if number else {} for number in range(budget.draws if space else 1)
    ]
    trials = []
    for number, settings in enumerate(tried):
        path = folder / f"draw-{number:04d}.json"
        if not path.exists():
            score = _score(_with(baseline, settings), access, batch_size, must=number == 0)
            write_text(path, json.dumps(score))
        score = json.loads(path.read_text(encoding="utf-8"))
        shown = ", ".join(f"{key}={value}" for key, value in settings.items()) or "settings as given"
        said = "cannot be trained" if score is None else f"{score:.4f} on source validation"
        access.report(f"draw {number + 1}/{len(tried)}: {shown}: {said}")
        trials.append(TrialClaim(settings={**settings}, score=score))
    best = min(range(len(trials)), key=lambda number: _order(trials[number].score))
    access.report(f"chosen: draw {best + 1}")
    searched = {key: str(draw) for key, draw in space.items()}
    claim = TuningClaim(draws=budget.draws, searched=searched, chosen=best, trials=tuple(trials))
    write_text(folder / TUNING_FILE, claim.model_dump_json())
    return _with(baseline, tried[best])


def record(folder: Path) -> TuningClaim:
    """Returns what `tuned` left in a folder."""
    return TuningClaim.model_validate_json((folder / TUNING_FILE).read_bytes())


def loss(predictor: Predictor, access: Access, batch_size: int) -> float:
    """Returns the cross-entropy on source validation, the mean over the classes present; lower is better.

    The images come as a stream in an order that the seed fixes and labels do not, as test images do: methods that look
    at batches are judged by what they do with batches.
    """
    from ..contract.predictor import fresh_copy, validated_probabilities
    from ..protocols.condition import Condition

    fresh = fresh_copy(predictor)
    order = np.random.default_rng(access.seed).permutation(len(access.val))
    made = []
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        returned = fresh(access.val.batch(chosen).to(access.device))
        made.append(
            validated_probabilities(returned, len(chosen), len(access.classes), Condition("source", "validation"))
        )
    labels = access.val.labels[order]
    right = np.concatenate(made)[np.arange(len(labels)), labels].astype(np.float64)
    costs = -np.log(np.maximum(right, LEAST))
    return float(np.mean([costs[labels == label].mean() for label in np.unique(labels)]))


def _score(baseline: Baseline, access: Access, batch_size: int, *, must: bool) -> float | None:
    """Returns the loss of settings; None where they cannot be trained, unless they must."""
    try:
        return loss(baseline.fit(access), access, batch_size)
    except MedshiftError as error:
        if must:
            raise
        access.report(str(error))
        return None


def _with(baseline: Baseline, settings: dict[str, Value]) -> Baseline:
    try:
        made: Baseline = dataclasses.replace(baseline, **settings)  # type: ignore[type-var]
    except ValueError as error:
        raise MedshiftError(f"a setting of the search space is refused: {in_one_line(error)}") from error
    return made


def _order(score: float | None) -> float:
    return math.inf if score is None else score
