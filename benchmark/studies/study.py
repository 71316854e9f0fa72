"""A study as data: a question, the literature's claim, a grid of runs, and what is measured to answer it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from ...shifts.errors import MedshiftError

#: A hyper-parameter or another choice, as TOML and Python have it.
Setting: TypeAlias = bool | int | float | str
#: What a cell of the grid is compared by. `steps-95` is the step at which training has 95 % of what it gains; by
#: `common-95`, 95 % of what the training gains that gains least of those compared: one level for all.
Figure: TypeAlias = Literal[
    "clean", "real", "synthesized", "shifted", "drop", "steps-90", "steps-95", "common-90", "common-95"
]
Kind: TypeAlias = Literal["setting", "labels", "confound", "size"]
Measure: TypeAlias = Literal["difference", "change", "trend", "share", "saved", "correlation"]
#: How files of TOML are validated.
STRICT: dict[str, Any] = {"extra": "forbid", "strict": True, "allow_inf_nan": False}


@dataclass(frozen=True)
class Arm:
    """A method that a study compares with others.

    Args:
        baseline: Name in the table, or `my_module:MyBaseline`.
        settings: Hyper-parameters that differ from the defaults.
        title: Name for people; the arm's own by default.
        cost: Time of a run's training, relative to the recipe's; 0 for a method without training steps.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    baseline: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    title: str = ""
    cost: float = 1.0


@dataclass(frozen=True)
class Axis:
    """What is varied.

    Args:
        name: Name of the axis.
        levels: Values, in order.
        kind: A hyper-parameter (`setting`), or the protocol: fraction of the source's training groups (`labels`), each
            seed with a draw of its own; Cramer's V between label and a second site (`confound`), likewise; or the
            longest side that images are scaled to after shifts (`size`, 0 for their own).
        setting: The hyper-parameter.
        arms: The arms that it applies to; all by default.
        title: Label in figures, with its unit.
        scale: Of the figure.
        positions: Place of each level on a `linear` or `log` scale; the levels themselves by default.
        names: What each level is called in tables and sentences; the levels themselves by default.
        confounder: The second site of `confound`; the first target by default.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    levels: tuple[Setting, ...]
    kind: Kind = "setting"
    setting: str = ""
    arms: tuple[str, ...] = ()
    title: str = ""
    scale: Literal["category", "linear", "log"] = "category"
    positions: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    confounder: str = ""

    def position(self, level: Setting) -> float:
        """Return where a level stands on the axis."""
        place = self.levels.index(level)
        if self.positions:
            return self.positions[place]
        return float(place) if self.scale == "category" else float(level)

    @property
    def places(self) -> int:
        """Number of levels that stand apart: a trend needs two."""
        return len({self.position(level) for level in self.levels})

    def level_name(self, level: Setting) -> str:
        """Return what a level is called."""
        return self.names[self.levels.index(level)] if self.names else str(level)


@dataclass(frozen=True)
class Answer:
    """A number that answers the question, and the range in which the claim says that it lies.

    Args:
        measure: `difference`: arm `of` minus arm `against`, at the same levels. `change`: `of` at the levels `at` minus
            at `base`. `trend`: slope over the axis `over`, of `of` or of its difference to `against`. `share`: the part
            of the change of `of` from `base` to `whole` that is reached at `at`. `saved`: the share of labels that `of`
            saves where it is as good as `against` with all of them. `correlation`: Spearman's, of the positions on the
            axis `over` with the figure of `of`.
        of: An arm.
        sentence: What is said, with `{value}` for the number and its interval, and `{dataset}`, `{metric}`.
        figure: What is compared.
        against: Another arm.
        at: Axis -> level; the last level by default.
        base: Axis -> level.
        whole: Axis -> level.
        over: An axis.
        least: The claim says that the number is larger.
        most: The claim says that the number is smaller.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    measure: Measure
    of: str
    sentence: str
    figure: Figure = "shifted"
    against: str = ""
    at: Mapping[str, Setting] = field(default_factory=dict)
    base: Mapping[str, Setting] = field(default_factory=dict)
    whole: Mapping[str, Setting] = field(default_factory=dict)
    over: str = ""
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Study:
    """A study.

    Args:
        name: Its name.
        question: The question, as a sentence with a question mark.
        claim: What the literature says.
        source: Where it says so.
        refuted: What would refute the claim here.
        arms: Name -> method.
        answers: What is measured; the first one answers the question.
        axes: What is varied; figures are drawn over the first one.
        seeds: Number of seeds.
        protocol: Options of `medshift run` that choose the protocol, without their dashes, as in a sweep's file.
        draw: The figures that are drawn.
        limits: What the study cannot say, one sentence each.
        analysis: A `findings.Analysis`, which measures and reports by itself; only from Python.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    question: str
    claim: str
    source: str
    refuted: str
    arms: Mapping[str, Arm] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    axes: tuple[Axis, ...] = ()
    seeds: int = 3
    protocol: Mapping[str, Setting | tuple[Setting, ...]] = field(default_factory=dict)
    draw: tuple[Figure, ...] = ("clean", "shifted")
    limits: tuple[str, ...] = ()
    analysis: Any = field(default=None, compare=False)

    def axis(self, name: str) -> Axis:
        """Return an axis by name."""
        return next(axis for axis in self.axes if axis.name == name)

    def axes_of(self, arm: str) -> list[Axis]:
        """List the axes that apply to an arm."""
        return [axis for axis in self.axes if not axis.arms or arm in axis.arms]

    def cells(self, arm: str) -> Iterator[dict[str, Setting]]:
        """Yield the levels of every cell of an arm: axis -> level."""
        axes = self.axes_of(arm)
        for levels in itertools.product(*(axis.levels for axis in axes)):
            yield {axis.name: level for axis, level in zip(axes, levels, strict=True)}


class StudyError(MedshiftError):
    """A study contradicts itself.

    Args:
        where: Keys, and indices of lists, to the mistake.
        problem: What is wrong.
    """

    def __init__(self, where: tuple[str | int, ...], problem: str) -> None:
        super().__init__(f"{'.'.join(map(str, where))}: {problem}")
        self.where = where
        self.problem = problem
