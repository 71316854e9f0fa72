"""Make a report: everything that its page and its JSON show, computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...benchmark.scoring.bootstrap import REPLICATES
from .breaking import Breaking, breaking_points
from .criteria.criterion import COVERAGE, OF_A_CLASS, Criterion, Rule, rules
from .criteria.file import read_criteria
from .criteria.suited import require_suited
from .entry.scores import EntryScores, read_entry
from .entry.sites import Site, site_figures
from .images import Seen
from .registration import Registration, registration
from .verdicts import Verdict, judge


@dataclass(frozen=True, eq=False)
class Report:
    """A report on one entry.

    Args:
        scores: The entry.
        registration: Whether the criteria were registered before the run.
        verdicts: One per criterion, in the file's order.
        breaking: Rule -> breaking points, one per shift.
        sites: Source validation, the source's test images, the other sites.
        seen: What the images show; None if they were not at hand.
    """

    scores: EntryScores
    registration: Registration
    verdicts: Sequence[Verdict]
    breaking: dict[Rule, list[Breaking]]
    sites: Sequence[Site]
    seen: Seen | None = None

    @property
    def title(self) -> str:
        """Name of the entry, with its seed if it is one of several models."""
        seeds = self.scores.seeds
        return f"{self.scores.name}, seed {seeds[0].card.seed}" if len(seeds) == 1 else self.scores.name


def make_report(
    entry: Path, criteria: Path, look: Callable[[], Seen | None] = lambda: None, replicates: int = REPLICATES
) -> Report:
    """Judge an entry by criteria.

    Args:
        entry: `PROTOCOL/ENTRY`, or one seed in it.
        criteria: The file of the criteria.
        look: Looks at the images (`images.look_at`), once everything that can be refused has been.
        replicates: Number of resamples of the groups.

    Raises:
        MedshiftError: The entry or the criteria are invalid, do not suit each other, or other criteria were registered.
    """
    given, file = read_criteria(criteria)
    scores = read_entry(entry, replicates)
    require_suited(given, file, scores.protocol)
    registered = registration(given, scores, criteria)
    named = [_of_a_class(criterion, scores) for criterion in given]
    return Report(
        scores,
        registered,
        [judge(scores, criterion) for criterion in named],
        {rule: breaking_points(scores, rule) for rule in rules(named) if _can_break(rule, scores)},
        site_figures(scores),
        look(),
    )


def _can_break(rule: Rule, scores: EntryScores) -> bool:
    """Whether a shift can break a rule: not the coverage of a model that refuses nothing."""
    return bool(scores.protocol.shifts) and (rule.metric != COVERAGE or any(scores.rejected))


def _of_a_class(criterion: Criterion, scores: EntryScores) -> Criterion:
    """Name the class of a figure that is for the positive one of two, as the page prints it."""
    rule = criterion.rule
    if rule.metric not in OF_A_CLASS or rule.class_ or not scores.protocol.positive:
        return criterion
    return replace(criterion, rule=replace(rule, class_=scores.protocol.positive))
