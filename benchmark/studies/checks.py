"""What the types of a study do not say: its names exist, its answers can be computed, its claims say something."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...shifts.errors import MedshiftError, near
from ..files.names import require_name
from .study import Answer, Axis, Study, StudyError

#: Figures of which more is better.
RISING = ("clean", "real", "synthesized", "shifted")
NEEDS: Mapping[str, tuple[str, ...]] = {
    "difference": ("against",),
    "change": ("base",),
    "trend": ("over",),
    "share": ("base", "whole"),
    "saved": ("against", "over"),
    "correlation": ("over",),
}
#: Measure -> how many of `at`, `base` and `whole` it lies between; others name one cell, or all along an axis.
COMPARED = {"change": 2, "share": 3}
#: What is put into a sentence.
FILLED = ("value", "dataset", "metric")
#: Columns of `study.csv` beside the axes.
COLUMNS = ("arm", "baseline", "seed", "figure", "value", "low", "high", "limit")


def check(study: Study) -> None:
    """Check what the types do not say.

    Raises:
        StudyError: A name does not exist or is taken, an answer cannot be computed, or a claim says nothing.
    """
    if study.analysis is None and not (study.arms and study.answers):
        raise StudyError(("answers" if study.arms else "arms",), "give at least one")
    if study.seeds < 1:
        raise StudyError(("seeds",), f"must be 1 or more, not {study.seeds}")
    for number, axis in enumerate(study.axes):
        _check_axis(study, axis, number)
    for name, arm in study.arms.items():
        if not arm.cost >= 0:
            raise StudyError(("arms", name, "cost"), "must not be negative")
    titles: dict[str, str] = {}
    for name, arm in study.arms.items():
        first = titles.setdefault(arm.title or name, name)
        if first != name:  # figures and tables would take them for one
            where = ("arms", name, "title") if arm.title else ("arms", name)
            raise StudyError(where, f"arm {first!r} is called {arm.title or name!r}, too: give each another title")
    for number, answer in enumerate(study.answers):
        _check_answer(study, answer, ("answers", number))


def check_words(study: Study) -> None:
    """Check what a new study is called and says; those that were run earlier are read as they are.

    Raises:
        StudyError: The name cannot be that of a folder, or a sentence has a placeholder that nothing fills.
    """
    try:
        require_name(study.name, "study")
    except MedshiftError as error:
        raise StudyError(("name",), str(error)) from None
    for number, answer in enumerate(study.answers):
        for name in re.findall(r"\{(\w*)\}", answer.sentence):
            if name not in FILLED:
                known = ", ".join(f"{{{each}}}" for each in FILLED)
                raise StudyError(("answers", number, "sentence"), f"nothing stands for {{{name}}}: known are {known}")


def _check_axis(study: Study, axis: Axis, number: int) -> None:
    where: tuple[str | int, ...] = ("axes", number)
    if axis.name in [other.name for other in study.axes[:number]]:
        raise StudyError((*where, "name"), f"{axis.name!r} is listed twice")
    if axis.name in COLUMNS:
        raise StudyError((*where, "name"), f"{axis.name!r} is a column of study.csv: choose another name")
    if not axis.levels or len(set(map(repr, axis.levels))) < len(axis.levels):
        raise StudyError((*where, "levels"), "give at least one level, each once")
    if (axis.kind == "setting") != bool(axis.setting):
        raise StudyError((*where, "setting"), "an axis of kind `setting`, and no other, names a hyper-parameter")
    numeric = all(isinstance(level, int | float) and not isinstance(level, bool) for level in axis.levels)
    if not numeric and (axis.kind != "setting" or (axis.scale != "category" and not axis.positions)):
        raise StudyError((*where, "levels"), "must be numbers on this axis")
    if axis.kind in ("labels", "confound") and not all(0 <= float(level) <= 1 for level in axis.levels):
        raise StudyError((*where, "levels"), "must be between 0 and 1")
    if axis.kind == "labels" and 0 in axis.levels:
        raise StudyError((*where, "levels"), "a fraction of labels must be above 0")
    if axis.positions and len(axis.positions) != len(axis.levels):
        raise StudyError((*where, "positions"), "give one per level")
    if axis.names and (len(axis.names) != len(axis.levels) or len(set(axis.names)) < len(axis.names)):
        raise StudyError((*where, "names"), "give one per level, each another")
    if axis.scale == "log" and not all(axis.position(level) > 0 for level in axis.levels):
        raise StudyError((*where, "scale"), "positions on a log scale must be above 0")
    for name in axis.arms:
        if name not in study.arms:
            raise StudyError((*where, "arms"), f"no arm {name!r}.{near(name, study.arms)}")
    if axis.kind != "setting" and axis.arms:
        raise StudyError((*where, "arms"), "an axis of the protocol applies to all arms")


def _check_answer(study: Study, answer: Answer, where: tuple[str | int, ...]) -> None:
    for key in ("of", "against"):
        name = getattr(answer, key)
        if name and name not in study.arms:
            raise StudyError((*where, key), f"no arm {name!r}.{near(name, study.arms)}")
    for key in NEEDS[answer.measure]:
        if not getattr(answer, key):
            raise StudyError(where, f"{answer.measure!r} needs {key!r}")
    names = [axis.name for axis in study.axes]
    if answer.over and answer.over not in names:
        raise StudyError((*where, "over"), f"no axis {answer.over!r}.{near(answer.over, names)}")
    if answer.over and study.axis(answer.over).places < 2:
        raise StudyError(
            (*where, "over"), f"nothing is told over the axis {answer.over!r}: its levels stand in one place"
        )
    if answer.measure == "saved":
        _check_saved(study.axis(answer.over), answer, where)
    for key in ("at", "base", "whole"):
        for name, level in getattr(answer, key).items():
            if name not in names:
                raise StudyError((*where, key), f"no axis {name!r}.{near(name, names)}")
            if level not in study.axis(name).levels:
                listed = ", ".join(map(str, study.axis(name).levels))
                raise StudyError((*where, key, name), f"{level!r} is not a level of this axis: {listed}")
    _check_cells(study, answer, where)
    if answer.least is None and answer.most is None:
        raise StudyError(where, "give `least`, `most` or both: the range in which the claim says that the number lies")
    if answer.least is not None and answer.most is not None and not answer.least < answer.most:
        raise StudyError((*where, "least"), "must be below `most`")


def _check_cells(study: Study, answer: Answer, where: tuple[str | int, ...]) -> None:
    """Refuse an answer that would be 0 whatever is found, as its methods do not have its axes, or its cells are one."""
    paired = answer.against and answer.measure in ("difference", "trend", "saved")
    arms = [answer.of, *([answer.against] if paired else [])]
    if answer.measure in ("difference", "trend") and answer.against == answer.of:
        raise StudyError((*where, "against"), f"compares arm {answer.of!r} with itself: name another arm")
    having = {axis.name for arm in arms for axis in study.axes_of(arm)}
    who = " and ".join(f"arm {arm!r}" for arm in arms)
    problem = f"{who} {'do' if len(arms) > 1 else 'does'} not have the axis "
    if answer.over and answer.over not in having:
        raise StudyError((*where, "over"), problem + repr(answer.over))
    for key in ("at", "base", "whole"):
        for name in getattr(answer, key):
            if name not in having:
                raise StudyError((*where, key, name), problem + repr(name))
    if compares_with_itself(study, answer):
        raise StudyError(
            (*where, "base"), "compares a cell with itself: `at` is the last level, unless it names another"
        )


def compares_with_itself(study: Study, answer: Answer) -> bool:
    """Return whether two of the cells between which an answer is about a change are the same one."""
    last = {axis.name: axis.levels[-1] for axis in study.axes_of(answer.of)}
    ends = ({}, answer.base, answer.whole)[: COMPARED.get(answer.measure, 1)]
    cells = [{**last, **answer.at, **end} for end in ends]
    own = [{name: cell[name] for name in last} for cell in cells]
    return any(cell in own[:place] for place, cell in enumerate(own))


def _check_saved(axis: Axis, answer: Answer, where: tuple[str | int, ...]) -> None:
    if axis.kind != "labels" or list(axis.levels) != sorted(axis.levels) or axis.levels[-1] != 1:
        raise StudyError((*where, "over"), "labels are saved over an axis of kind `labels`, whose levels rise to 1.0")
    if answer.figure not in RISING:
        raise StudyError((*where, "figure"), f"labels are saved by a figure that rises with them: {', '.join(RISING)}")
