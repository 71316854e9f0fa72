"""The options of `medshift run` that choose data and protocol, as keys of a sweep's file and as words of a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_type_hints

from ....shifts.errors import MedshiftError, near
from ...datasets.importing.options import Options, make_options
from ...protocols.choices import Choices
from ..terms import DataChoice
from .sweep import ProtocolChoice


@dataclass(frozen=True)
class Place:
    """Where an option is kept: a field of one part of a `ProtocolChoice`."""

    part: Literal["choice", "data", "choices", "reading"]
    field: str

    @property
    def kind(self) -> type:
        """The dataclass that has the field."""
        kinds: dict[str, type] = {
            "choice": ProtocolChoice,
            "data": DataChoice,
            "choices": Choices,
            "reading": Options,
        }
        return kinds[self.part]

    def of(self, choice: ProtocolChoice) -> object:
        """Return the value of the field."""
        parts = {"choice": choice, "data": choice.data, "choices": choice.choices, "reading": choice.data.options}
        return getattr(parts[self.part], self.field)

    @property
    def default(self) -> object:
        """Default of the field."""
        (found,) = (each for each in fields(self.kind) if each.name == self.field)
        return found.default if found.default is not MISSING else None


def _same(part: Literal["choices", "reading"], *names: str) -> dict[str, Place]:
    """Return options that are named as their fields."""
    return {name: Place(part, name.replace("-", "_")) for name in names}


#: Option of `medshift run`, without its dashes -> where it is kept.
OPTIONS: Mapping[str, Place] = {
    "dataset": Place("data", "name"),
    "data": Place("data", "folder"),
    "protocol": Place("choice", "folder"),
    **_same("choices", "source", "targets", "positive", "shifts", "severities", "requantise"),
    **_same("choices", "groups-per-domain", "ignore-split", "adapt"),
    "family": Place("choices", "families"),
    "severity-scale": Place("choices", "scale"),
    **_same("reading", "modality", "classes", "image-size", "image-column", "label-column", "label-contains"),
    **_same("reading", "domain-from", "group-column", "group-pattern", "merge-rows", "follow-links", "window"),
    **_same("reading", "nan-as", "background", "channels", "fit", "slices", "voxel-mm"),
    "drop-label": Place("reading", "drop_labels"),
    "value-range": Place("reading", "value_ranges"),
}


def words(choice: ProtocolChoice) -> list[str]:
    """Write a choice as the options of `medshift run` that make it."""
    return [word for name, place in OPTIONS.items() for word in _words(name, place.of(choice), place.default)]


def _words(name: str, value: object, default: object) -> Iterator[str]:
    if value == default or value is None:
        return
    if isinstance(value, bool):
        yield f"--{name}" if value else f"--no-{name}"
        return
    many = value if isinstance(value, tuple) else (value,)
    if name == "severities":
        many = (",".join(map(str, many)),)
    for each in many:
        yield f"--{name}={each}" if str(each).startswith("-") else f"--{name}"
        if not str(each).startswith("-"):
            yield str(each)


class OptionError(MedshiftError):
    """An option is unknown or has a wrong value.

    Args:
        key: The option; empty if several do not fit each other.
        message: What is wrong, and what to give.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def read(table: Mapping[str, object]) -> ProtocolChoice:
    """Make a choice of options as a file of TOML has them.

    Args:
        table: Option, without its dashes -> value.

    Raises:
        OptionError: An option is unknown (near ones are suggested) or has a wrong value, or options do not fit each
            other.
    """
    parts: dict[str, dict[str, Any]] = {"choice": {}, "data": {}, "choices": {}, "reading": {}}
    for key, value in table.items():
        if key not in OPTIONS:
            raise OptionError(key, f"unknown option.{near(key, OPTIONS)}")
        place = OPTIONS[key]
        made = _checked(key, value, get_type_hints(place.kind)[place.field])
        _check_alone(key, place, made)
        parts[place.part][place.field] = made
    try:
        return replace(
            ProtocolChoice(
                DataChoice(**parts["data"], options=Options(**parts["reading"])), Choices(**parts["choices"])
            ),
            **parts["choice"],
        )
    except MedshiftError as error:
        raise OptionError("", str(error)) from None


def _checked(key: str, value: object, kind: Any) -> object:  # noqa: ANN401 - an annotation
    """Return a value in the type of its field; one text stands for a list of one."""
    from pydantic import TypeAdapter, ValidationError

    several = str(kind).startswith("tuple")
    if several:
        value = tuple(value) if isinstance(value, list) else (value,)
        value = tuple(sorted(value)) if key == "severities" and all(isinstance(each, int) for each in value) else value
    if kind in (Path | None, Path) and isinstance(value, str):
        value = Path(value).expanduser()
    try:
        return TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        shown = problem["input"]
        raise OptionError(key, f"{problem['msg'][:1].lower()}{problem['msg'][1:]}, not {shown!r}") from None


def _check_alone(key: str, place: Place, value: object) -> None:
    """Check what needs no data: that shifts and families exist, and what the options of reading check themselves.

    Raises:
        OptionError: The value is wrong.
    """
    from ....shifts import catalogue

    try:
        if key == "shifts":
            for name in value:  # type: ignore[attr-defined]
                catalogue.TABLE.check(name)
        elif key == "family":
            known = (*catalogue.FAMILIES, "plug-in")
            for name in value:  # type: ignore[attr-defined]
                if name not in known:
                    raise MedshiftError(f"unknown family {name!r}.{near(name, known)}")
        elif key == "severities" and not (value and set(value) <= set(catalogue.SEVERITIES)):  # type: ignore[call-overload]
            raise MedshiftError(f"severities must be among 1, 2, 3, 4, 5, not {value}")
        elif place.part == "reading":
            make_options(**{place.field: value})
    except MedshiftError as error:
        raise OptionError(key, str(error)) from None


def absolute(choice: ProtocolChoice) -> ProtocolChoice:
    """Return a choice whose paths hold in any working directory."""
    folder, data = choice.folder, choice.data.folder
    return replace(
        choice,
        folder=folder.absolute() if folder else None,
        data=replace(choice.data, folder=data.absolute() if data else None),
    )
