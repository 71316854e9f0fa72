"""How a study is run: on which data, how much smaller than it is defined; what was cut is said, never guessed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...shifts.errors import MedshiftError, near
from ..contract.precision import DEFAULT, Precision
from ..files.wording import plural
from ..protocols.choices import Choices
from ..runs.sweeps.sweep import ProtocolChoice
from ..runs.terms import DataChoice
from .file import protocol_choice
from .study import Answer, Axis, Setting, Study

#: Said where the question itself cannot be answered, as its runs were left out.
OTHER_FIRST = "the first answer is not the study's own first one"
#: Measure -> how many of `at`, `base` and `whole` it lies between; others name one cell, or all along an axis.
COMPARED = {"change": 2, "share": 3}


@dataclass(frozen=True)
class Chosen:
    """How a study is run; the defaults run all of it.

    Args:
        data: The data; the study's own by default.
        choices: What is not at its default goes before the study's own protocol.
        protocol: Folder of a protocol, used unchanged instead of the study's own.
        seeds: Number of seeds; the study's by default.
        budget: Length of training, for all arms that have one.
        settings: Hyper-parameter -> value, for all arms that have it.
        arms: The arms to run; all by default.
        levels: Axis -> the levels to run, as typed; all by default.
        submitter: Who answers for the submissions.
        precision: Number format that networks compute in.
    """

    data: DataChoice = field(default_factory=DataChoice)
    choices: Choices = field(default_factory=Choices)
    protocol: Path | None = None
    seeds: int = 0
    budget: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    arms: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    submitter: str = ""
    precision: Precision = DEFAULT


def choose(study: Study, chosen: Chosen) -> tuple[Study, ProtocolChoice, list[str]]:
    """Return the study as it will be run, its protocol before any axis, and what was cut, one sentence each.

    Raises:
        MedshiftError: An arm, axis or level does not exist, or no answer is left.
    """
    made, cuts = study, []
    levels = dict(chosen.levels)
    settings = dict(chosen.settings)
    if chosen.budget:
        axis = next((axis for axis in study.axes if axis.setting == "budget"), None)
        again = f"--set budget={settings['budget']}" if "budget" in settings else ""
        if axis is not None and axis.name in levels:
            again = f"--levels {axis.name}={','.join(levels[axis.name])}"
        if again:
            raise MedshiftError(f"--budget {chosen.budget} and {again} both choose the length of training: give one")
        if axis is None:
            settings["budget"] = chosen.budget
        else:
            levels[axis.name] = (chosen.budget,)
    if chosen.arms:
        made = _with_arms(made, chosen.arms)
        left_out = [name for name in study.arms if name not in made.arms]
        cuts += [f"left out: {', '.join(left_out)}"] if left_out else []
    for name, kept in levels.items():
        made = _with_levels(made, name, kept)
        before, after = study.axis(name).levels, made.axis(name).levels
        if after != before:
            cuts.append(_cut(study.axis(name), after))
    for key, value in settings.items():
        made = _with_setting(made, key, value)
        cuts.append(f"{key} is {value} in all arms that have it")
    if chosen.seeds and chosen.seeds != study.seeds:
        made = replace(made, seeds=chosen.seeds)
        cuts += [f"{plural(chosen.seeds, 'seed')} instead of {study.seeds}"] if chosen.seeds < study.seeds else []
    made, left_out = _with_answers(study, made)
    choice, told = _protocol(study, chosen)
    return made, choice, cuts + left_out + told


def _with_answers(study: Study, made: Study) -> tuple[Study, list[str]]:
    """Leave out the answers whose runs were left out of a study; return the rest, and what is said of it.

    Raises:
        MedshiftError: No answer is left.
    """
    answers = tuple(answer for answer in made.answers if _answerable(made, answer))
    dropped = len(study.answers) - len(answers)
    if study.answers and not answers:
        raise MedshiftError(
            f"study {study.name!r}: with these arms and levels, no question is left: its first answer needs "
            f"{_needed(study.answers[0])}"
        )
    if not dropped:
        return made, []
    said = [f"{plural(dropped, 'answer')} left out, as {'its' if dropped == 1 else 'their'} runs are"]
    return replace(made, answers=answers), said + ([OTHER_FIRST] if answers[0] != study.answers[0] else [])


def _with_arms(study: Study, names: Sequence[str]) -> Study:
    for name in names:
        if name not in study.arms:
            raise MedshiftError(f"--arms: study {study.name!r} has no arm {name!r}.{near(name, study.arms)}")
    arms = {name: arm for name, arm in study.arms.items() if name in names}
    axes = [replace(axis, arms=tuple(name for name in axis.arms if name in arms)) for axis in study.axes]
    kept = [axis for axis, before in zip(axes, study.axes, strict=True) if axis.arms or not before.arms]
    return replace(study, arms=arms, axes=tuple(kept))


def _with_levels(study: Study, name: str, kept: Sequence[str]) -> Study:
    names = [axis.name for axis in study.axes]
    if name not in names:
        raise MedshiftError(f"--levels: study {study.name!r} has no axis {name!r}.{near(name, names)}")
    axis = study.axis(name)
    known = {axis.level_name(level): level for level in axis.levels}
    known |= {str(level): level for level in axis.levels}
    known |= {f"{level:g}": level for level in axis.levels if isinstance(level, float)}
    for level in kept:
        if level not in known:
            raise MedshiftError(f"--levels {name}: {level!r} is not among {_listed(axis.levels)}")
    wanted = {repr(known[level]) for level in kept}
    places = [place for place, level in enumerate(axis.levels) if repr(level) in wanted]
    less = replace(
        axis,
        levels=tuple(axis.levels[place] for place in places),
        positions=tuple(axis.positions[place] for place in places) if axis.positions else (),
        names=tuple(axis.names[place] for place in places) if axis.names else (),
    )
    return replace(study, axes=tuple(less if each.name == name else each for each in study.axes))


def _with_setting(study: Study, key: str, value: str) -> Study:
    """Set a hyper-parameter of all arms that have it; loads their baselines."""
    from ..contract.apart.described import make_or_describe

    axis = next((axis.name for axis in study.axes if axis.setting == key), "")
    if axis:
        raise MedshiftError(f"--set {key}: the study varies it; choose with --levels {axis}=...")
    fields = {
        name: [each.name for each in dataclasses.fields(type(make_or_describe(arm.baseline, [])))]  # type: ignore[arg-type]
        for name, arm in study.arms.items()
    }
    if not any(key in known for known in fields.values()):
        names = {each for known in fields.values() for each in known}
        raise MedshiftError(f"--set {key}: no arm of study {study.name!r} has it.{near(key, names)}")
    arms = {
        name: replace(arm, settings={**arm.settings, key: value}) if key in fields[name] else arm
        for name, arm in study.arms.items()
    }
    return replace(study, arms=arms)


def reached(study: Study, levels: Mapping[str, Sequence[Setting]]) -> tuple[Study, list[str]]:
    """Return a study with only the levels that the data allow, and what was cut for it.

    Raises:
        MedshiftError: No answer is left.
    """
    made, cuts = study, []
    for name, kept in levels.items():
        before = study.axis(name).levels
        if len(kept) < len(before):
            made = _with_levels(made, name, [str(level) for level in kept])
            cuts.append(f"{_cut(study.axis(name), kept)}: the data allow no more")
    made, left_out = _with_answers(study, made)
    return made, cuts + left_out


def _cut(axis: Axis, kept: Sequence[Setting]) -> str:
    """Say which levels of an axis are left; answers are about the last one unless they name another."""
    left, before = ([axis.level_name(level) for level in levels] for levels in (kept, axis.levels))
    last = f" (answers about the last level are about {left[-1]})" if left[-1] != before[-1] else ""
    return f"{axis.name} is only {_listed(left)}, of {_listed(before)}{last}"


def _answerable(study: Study, answer: Answer) -> bool:
    """Return whether the cells that an answer needs are still there."""
    if any(name and name not in study.arms for name in (answer.of, answer.against)):
        return False
    axes = {axis.name: axis for axis in study.axes}
    asked = [item for chosen in (answer.at, answer.base, answer.whole) for item in chosen.items()]
    if any(name not in axes or level not in axes[name].levels for name, level in asked):
        return False
    if _compares_with_itself(study, answer):
        return False
    if answer.measure == "saved" and 1 not in axes[answer.over].levels:  # all labels, with which others are compared
        return False
    return not answer.over or (answer.over in axes and len(axes[answer.over].levels) > 1)


def _compares_with_itself(study: Study, answer: Answer) -> bool:
    """Return whether two of the cells between which an answer is about a change are the same one."""
    last = {axis.name: axis.levels[-1] for axis in study.axes}
    ends = ({}, answer.base, answer.whole)[: COMPARED.get(answer.measure, 1)]
    cells = [{**last, **answer.at, **end} for end in ends]
    return any(cell in cells[:place] for place, cell in enumerate(cells))


def _needed(answer: Answer) -> str:
    found = [f"arm {name}" for name in (answer.of, answer.against) if name]
    found += [f"{name}={level}" for chosen in (answer.at, answer.base, answer.whole) for name, level in chosen.items()]
    over = "all labels, and fewer" if answer.measure == "saved" else f"two levels of {answer.over}"
    return ", ".join([*found, *([over] if answer.over else [])])


def _protocol(study: Study, chosen: Chosen) -> tuple[ProtocolChoice, list[str]]:
    """Merge the protocol of the study with the choices that were made; return it and how it differs."""
    own = protocol_choice(study)
    data = own.data if chosen.data == DataChoice() else chosen.data
    if chosen.protocol is not None:
        return ProtocolChoice(data, chosen.choices, chosen.protocol), []
    default = Choices()
    given = {
        item.name: getattr(chosen.choices, item.name)
        for item in dataclasses.fields(Choices)
        if getattr(chosen.choices, item.name) != getattr(default, item.name)
    }
    told = [f"{name.replace('_', ' ')}: {_told(value)}" for name, value in given.items() if _is_less(own, name, value)]
    return replace(own, data=data, choices=replace(own.choices, **given)), told


def _is_less(own: ProtocolChoice, name: str, value: Any) -> bool:  # noqa: ANN401 - of any field
    """Return whether a choice takes something away from the study: conditions, not another source."""
    return name in ("shifts", "families", "severities", "targets") and value != getattr(own.choices, name)


def _told(value: object) -> str:
    return f"only {_listed(value)}" if isinstance(value, tuple) else str(value)


def _listed(values: Sequence[Setting]) -> str:
    return ", ".join(map(str, values))


def protocol_axes(study: Study) -> Iterator[Axis]:
    """Yield the axes that change the protocol."""
    return (axis for axis in study.axes if axis.kind != "setting")
