"""Acceptance criteria: limits that are written and hashed before a run, in a file or by code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from ....benchmark.protocols.protocol import CriteriaClaim
from ....benchmark.reporting.numbers import format_decimal
from ....benchmark.scoring.metrics import METRICS
from ....shifts.catalogue import shift_info

COVERAGE = "coverage"  # share of the images that a model answers for
MEASURES = (*METRICS, COVERAGE)
OF_A_CLASS = ("sensitivity", "specificity", "auroc")
EVERY, OTHER = "every", "other"
Limit = Literal["at_least", "at_most", "loses_at_most"]
LIMITS: tuple[Limit, ...] = ("at_least", "at_most", "loses_at_most")


@dataclass(frozen=True)
class Rule:
    """What is demanded, wherever it is: a measure and its limit.

    Args:
        metric: A metric, or `coverage`.
        class_: The class that sensitivity, specificity or AUROC are for; empty for the protocol's own.
        limit: The kind of limit.
        value: The limit.
    """

    metric: str
    class_: str
    limit: Limit
    value: float

    @property
    def title(self) -> str:
        """The measure as printed: `sensitivity for 'abnormal'`."""
        name = METRICS[self.metric].title if self.metric in METRICS else self.metric
        return f"{name} for '{self.class_}'" if self.class_ else name

    @property
    def higher_is_better(self) -> bool:
        """Whether high values of the measure are good."""
        return higher_is_better(self.metric)

    @property
    def lower_figure_is_better(self) -> bool:
        """Whether low values of the figure are good: of a loss, or of a measure such as ECE."""
        return self.limit == "loses_at_most" or not self.higher_is_better

    @property
    def text(self) -> str:
        """The rule as printed: `balanced accuracy loses at most .05`."""
        verb = {"at_least": "at least", "at_most": "at most", "loses_at_most": "loses at most"}[self.limit]
        verb = "rises by at most" if self.limit == "loses_at_most" and not self.higher_is_better else verb
        return f"{self.title} {verb} {_limit(self.value)}"


@dataclass(frozen=True)
class Criterion:
    """A rule, and where it must hold.

    Args:
        name: Its name, unique among the criteria.
        rule: What is demanded.
        sites: Sites at which it must hold: `("every",)`, `("other",)` or their names; empty with a shift.
        shift: Synthesized shift under which it must hold; empty with sites.
        up_to: Up to which severity, in the shift's unit.
        up_to_severity: The same as a severity of 1 to 5, instead.
    """

    name: str
    rule: Rule
    sites: tuple[str, ...] = ()
    shift: str = ""
    up_to: float | None = None
    up_to_severity: float | None = None

    @property
    def text(self) -> str:
        """The criterion as a sentence without its full stop."""
        return f"{self.rule.text} {self._where()}"

    @property
    def sha256(self) -> str:
        """Hash of its content, whatever the layout of the file and the order in which sites are listed."""
        content = asdict(replace(self, sites=tuple(sorted(self.sites))))
        return hashlib.sha256(_canonical(content).encode()).hexdigest()

    def _where(self) -> str:
        if self.shift:
            if self.up_to_severity is not None:
                return f"up to severity {self.up_to_severity:g} of {self.shift}"
            return f"up to {self.shift} of {self.up_to:g} {shift_info(self.shift).unit}".rstrip()
        if self.sites == (EVERY,):
            return "at every site"
        if self.sites == (OTHER,):
            return "at every site but the source"
        return f"at {' and '.join(self.sites)}"


def higher_is_better(measure: str) -> bool:
    """Return whether high values of a metric, or of `coverage`, are good."""
    return METRICS[measure].higher_is_better if measure in METRICS else True


def claim(criteria: Sequence[Criterion]) -> CriteriaClaim:
    """Return what a card or a protocol keeps of criteria: their hashes, which do not depend on their order."""
    each = {criterion.name: criterion.sha256 for criterion in criteria}
    return CriteriaClaim(sha256=hashlib.sha256(_canonical(each).encode()).hexdigest(), criteria=each)


def rules(criteria: Sequence[Criterion]) -> list[Rule]:
    """List the rules of criteria, each once, in their order."""
    return list(dict.fromkeys(criterion.rule for criterion in criteria))


def _limit(value: float) -> str:
    """Write a limit with two digits, or with as many as it has."""
    text = format_decimal(value, 2)
    return text if float(text) == value else f"{value:g}"


def _canonical(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
