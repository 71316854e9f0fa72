"""The data and protocol of a study with what was chosen for this run, field by field."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

from ....shifts.errors import MedshiftError
from ...datasets.importing.options import Options
from ...protocols.choices import Choices
from ...runs.sweeps import options
from ...runs.sweeps.sweep import ProtocolChoice
from ...runs.terms import DataChoice

Kind = TypeVar("Kind", Choices, Options)
#: Choices that take conditions away from any study; others are told where the study makes them itself.
LESS = ("shifts", "families", "severities", "targets")


def merged(own: ProtocolChoice, given: ProtocolChoice, typed: frozenset[str]) -> tuple[ProtocolChoice, list[str]]:
    """Put what was chosen before what a study says itself; return the choice and how it differs, one phrase each.

    Args:
        own: The study's own.
        given: What was chosen; a field at its default is not, unless it was typed.
        typed: Options that were typed, without their dashes.

    Raises:
        MedshiftError: Options do not go with the data or the protocol.
    """
    choices = _merged(own.choices, given.choices, typed, "choices")
    if given.folder is not None:
        if any(options.OPTIONS[name].part == "choices" for name in typed):
            raise MedshiftError("--protocol sets domains, classes, image size and shifts: leave their options out")
        data, told = _data(_without_terms(own.data), given.data, typed)
        return ProtocolChoice(data, given.choices, given.folder), [*_replaced(own, given.folder), *told]
    data, told = _data(own.data, given.data, typed)
    for item in fields(Choices):
        before, value = getattr(own.choices, item.name), getattr(choices, item.name)
        if value != before and (item.name in LESS or before != item.default):
            told.append(f"{item.name.replace('_', ' ')}: {_told(value, before)}")
    return replace(own, data=data, choices=choices), told


def _merged(own: Kind, given: Kind, typed: frozenset[str], part: str) -> Kind:
    """Return the study's own, with the fields that were typed or are not at their defaults."""
    default = type(given)()
    names = {place.field for name, place in options.OPTIONS.items() if name in typed and place.part == part}
    names |= {item.name for item in fields(given) if getattr(given, item.name) != getattr(default, item.name)}
    return replace(own, **{name: getattr(given, name) for name in names})


def _data(own: DataChoice, given: DataChoice, typed: frozenset[str]) -> tuple[DataChoice, list[str]]:
    """Merge the choice of data. How images are read goes with a folder, be it the study's own."""
    place = given if given.name or given.folder else own
    made = DataChoice(place.name, place.folder, _merged(own.options, given.options, typed, "reading"))
    if place.folder is not None:
        return made, []
    chosen = _words(given.options) or [f"--{name}" for name in typed if options.OPTIONS[name].part == "reading"]
    if chosen:
        raise MedshiftError(
            f"{' '.join(chosen)}: how images are read goes with --data DIR; a stored data set has been read already"
        )
    lost = _words(own.options) if given.name else []
    if not lost:
        return made, []
    return replace(made, options=Options()), [f"{given.name} has been read already: not {' '.join(lost)}"]


def _without_terms(data: DataChoice) -> DataChoice:
    """Return the choice of data without the options that a protocol says itself."""
    from ...datasets.manifest import ARRANGED, IN_NAME

    default = Options()
    told = {name: getattr(default, name) for name in (*IN_NAME, *ARRANGED)}
    return replace(data, options=replace(data.options, **told))


def _words(reading: Options) -> list[str]:
    """Write how images are read as options; a folder must stand there for it to be of use."""
    return options.words(ProtocolChoice(DataChoice(folder=Path(), options=reading)))[2:]


def _replaced(own: ProtocolChoice, folder: Path) -> list[str]:
    """Say which protocol of a study's own a folder stands in for; nothing if the study says none."""
    if own.folder is not None:
        return [f"protocol {folder.name} instead of the study's own, {own.folder.name}"] if own.folder != folder else []
    default = Choices()
    said = [
        f"{item.name.replace('_', ' ')}: {_told(value, value)}"
        for item in fields(Choices)
        if (value := getattr(own.choices, item.name)) != getattr(default, item.name)
    ]
    return [f"protocol {folder.name} instead of the study's own ({'; '.join(said)})"] if said else []


def _told(value: object, before: object) -> str:
    if isinstance(value, tuple):
        fewer = not before or (isinstance(before, tuple) and set(value) < set(before))
        return ("only " if fewer and value else "") + (", ".join(map(str, value)) or "all")
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
