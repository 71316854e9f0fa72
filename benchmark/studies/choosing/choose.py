"""How a study is run: on which data, how it differs from its definition; what differs is said, never guessed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ....shifts.errors import MedshiftError, near
from ...contract.precision import DEFAULT, Precision
from ...files.wording import plural
from ...protocols.choices import Choices
from ...runs.sweeps.sweep import ProtocolChoice
from ...runs.terms import DataChoice
from ..file import protocol_choice
from ..study import Axis, Setting, Study
from .answerable import with_answers
from .merged import merged

#: Measures that are about all levels of an axis.
OVER = {"trend": "trends are", "correlation": "rank correlations are"}


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
        typed: Options of data and protocol that were typed, without their dashes: they go before the study's own even
            at their defaults.
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
    typed: frozenset[str] = frozenset()


def choose(study: Study, chosen: Chosen) -> tuple[Study, ProtocolChoice, list[str]]:
    """Return the study as it will be run, its protocol before any axis, and how it differs, one phrase each.

    Raises:
        MedshiftError: An arm, axis or level does not exist, or no answer is left.
    """
    made, cuts = study, []
    levels = dict(chosen.levels)
    settings = dict(chosen.settings)
    if chosen.arms:
        made = _with_arms(made, chosen.arms)
        left_out = [name for name in study.arms if name not in made.arms]
        cuts += [f"left out: {', '.join(left_out)}"] if left_out else []
    if chosen.budget:
        axis = next((axis for axis in made.axes if axis.setting == "budget"), None)
        again = f"--set budget={settings['budget']}" if "budget" in settings else ""
        if axis is not None and axis.name in levels:
            again = f"--levels {axis.name}={','.join(levels[axis.name])}"
        if again:
            raise MedshiftError(f"--budget {chosen.budget} and {again} both choose the length of training: give one")
        if axis is not None:
            levels[axis.name] = (chosen.budget,)
        if axis is None or _taking(made, "budget"):  # an axis may leave arms out
            settings["budget"] = chosen.budget
    for name, kept in levels.items():
        made = _with_levels(made, name, kept)
        before, after = study.axis(name).levels, made.axis(name).levels
        if after != before:
            cuts.append(_cut(study, name, after))
    for key, value in sorted(settings.items(), key=lambda each: each[0] == "budget"):  # after the steps that beat it
        earlier, made = made, _with_setting(made, key, value)
        if made != earlier:
            varied = _varying(made, key)
            without = [name for name in _with_steps(made) if name not in varied] if key == "budget" else []
            but = f", but for {', '.join(varied)}, in which the study varies it" if varied else ""
            but += f", but for {', '.join(without)}, as steps go before a budget" if without else ""
            cuts.append(f"{key} is {value} in all arms that have it{but}")
    if chosen.seeds and chosen.seeds != study.seeds:
        made = replace(made, seeds=chosen.seeds)
        cuts += [f"{plural(chosen.seeds, 'seed')} instead of {study.seeds}"] if chosen.seeds < study.seeds else []
    made, left_out = with_answers(study, made)
    given = ProtocolChoice(chosen.data, chosen.choices, chosen.protocol)
    choice, told = merged(protocol_choice(study), given, chosen.typed)
    return made, choice, cuts + left_out + told


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
    wanted = set()
    for text in kept:
        found = known[text] if text in known else next((level for level in axis.levels if _means(text, level)), None)
        if found is None:
            raise MedshiftError(f"--levels {name}: {text!r} is not among {_listed(axis.levels)}")
        wanted.add(repr(found))
    places = [place for place, level in enumerate(axis.levels) if repr(level) in wanted]
    less = replace(
        axis,
        levels=tuple(axis.levels[place] for place in places),
        positions=tuple(axis.positions[place] for place in places) if axis.positions else (),
        names=tuple(axis.names[place] for place in places) if axis.names else (),
    )
    return replace(study, axes=tuple(less if each.name == name else each for each in study.axes))


def _with_setting(study: Study, key: str, value: str) -> Study:
    """Set a hyper-parameter of all arms that have it, but for those in which an axis varies it."""
    fields = _fields(study)
    axis = next((axis.name for axis in study.axes if axis.setting == key), "")
    if axis and not _taking(study, key):
        raise MedshiftError(f"--set {key}: the study varies it; choose with --levels {axis}=...")
    if not any(key in known for known in fields.values()):
        names = {each for known in fields.values() for each in known}
        raise MedshiftError(f"--set {key}: no arm of study {study.name!r} has it.{near(key, names)}")
    changed = _taking(study, key)
    if not changed:
        raise MedshiftError(f"budget {value}: all arms have `steps`, which go before a budget: use --set steps=N")
    arms = {
        name: replace(arm, settings={**arm.settings, key: value})
        if name in changed and not _means(value, arm.settings.get(key, fields[name][key]))
        else arm
        for name, arm in study.arms.items()
    }
    return replace(study, arms=arms)


def _fields(study: Study) -> dict[str, dict[str, object]]:
    """List the hyper-parameters of every arm with their defaults; loads the baselines."""
    from ...contract.apart.described import make_or_describe

    return {
        name: {
            each.name: each.default
            for each in dataclasses.fields(type(make_or_describe(arm.baseline, [])))  # type: ignore[arg-type]
        }
        for name, arm in study.arms.items()
    }


def _varying(study: Study, key: str) -> list[str]:
    """List the arms in which an axis varies a hyper-parameter."""
    return [name for name in study.arms if any(axis.setting == key for axis in study.axes_of(name))]


def _taking(study: Study, key: str) -> list[str]:
    """List the arms that take a hyper-parameter: they have it, no axis varies it, and nothing goes before it."""
    passed_over = [*_varying(study, key), *(_with_steps(study) if key == "budget" else [])]
    return [name for name, known in _fields(study).items() if key in known and name not in passed_over]


def _with_steps(study: Study) -> list[str]:
    """List the arms whose number of training steps is set, which goes before a budget."""
    varied = {axis.name for axis in study.axes if axis.setting == "steps"}
    return [
        name
        for name, arm in study.arms.items()
        if not _means("0", arm.settings.get("steps", 0)) or varied & {axis.name for axis in study.axes_of(name)}
    ]


def _means(text: str, value: object) -> bool:
    """Return whether a text that was typed is a value, numbers by what they are: `1e-4` is 0.0001."""
    if text == str(value) or (isinstance(value, bool) and text.lower() == str(value).lower()):
        return True
    try:
        return not isinstance(value, bool) and float(text) == float(str(value))
    except ValueError:
        return False


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
            cuts.append(f"{_cut(study, name, kept)}: the data allow no more")
    made, left_out = with_answers(study, made)
    return made, cuts + left_out


def _cut(study: Study, name: str, kept: Sequence[Setting]) -> str:
    """Say which levels of an axis are left; answers are about the last one unless they name another."""
    axis = study.axis(name)
    left, before = ([axis.level_name(level) for level in levels] for levels in (kept, axis.levels))
    told = [f"answers about the last level are about {left[-1]}"] if left[-1] != before[-1] else []
    over = dict.fromkeys(answer.measure for answer in study.answers if answer.over == name)
    told += [f"{OVER[measure]} over these levels" for measure in over if measure in OVER]
    return f"{axis.name} is only {_listed(left)}, of {_listed(before)}" + (f" ({'; '.join(told)})" if told else "")


def _listed(values: Sequence[Setting]) -> str:
    return ", ".join(map(str, values))


def protocol_axes(study: Study) -> Iterator[Axis]:
    """Yield the axes that change the protocol."""
    return (axis for axis in study.axes if axis.kind != "setting")
