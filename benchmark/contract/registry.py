"""The table of baselines, and how one is made from its name and `--set` options."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from ...shifts.errors import MedshiftError, in_one_line, near
from ...shifts.plugins import Table
from ..files.code import code_sha256
from . import user_class
from .entry import Entry
from .sees import SEES

if TYPE_CHECKING:
    from .access import Access
    from .predictor import Predictor
    from .search_space import Space
    from .sees import Sees

#: By name, since baselines are written on top of this: the harness imports none before it is asked for.
BUILTINS: Mapping[str, Entry] = import_module("medshift.baselines.catalogue").BUILTINS
TABLE = Table("medshift.baselines", "baseline", {name: entry.target for name, entry in BUILTINS.items()})


class Baseline(Protocol):
    """A frozen dataclass of hyper-parameters that can fit itself."""

    sees: ClassVar[Sees]
    paper: ClassVar[str]

    def fit(self, access: Access) -> Predictor:
        """Learns once per seed from what it was granted, and returns one model for all conditions."""
        ...


def load_baseline(name: str) -> type[Baseline]:
    """Returns the class behind a name, or behind `my_module:MyBaseline`.

    Raises:
        MedshiftError: The name is unknown, or what it stands for is no baseline.
    """
    found = user_class.load(name) if user_class.is_spec(name) else TABLE.load(name)
    who = f"baseline {name!r} of {origin(name).partition(',')[0]}"
    if not (isinstance(found, type) and dataclasses.is_dataclass(found) and callable(getattr(found, "fit", None))):
        raise MedshiftError(f"{who} is no dataclass with a method fit(access)")
    if getattr(found, "sees", None) not in SEES:
        raise MedshiftError(f"{who} must declare what it sees: one of {', '.join(SEES)}")
    fields = {field.name: field.default for field in dataclasses.fields(found)}
    for key, default in fields.items():
        if not isinstance(default, bool | int | float | str | None):
            raise MedshiftError(f"{who}: hyper-parameter {key!r} needs a default: a number, text, True, False or None")
    space = search(cast("type[Baseline]", found))
    wrong = [key for key, draw in space.items() if key not in fields or not callable(getattr(draw, "at", None))]
    if wrong:
        raise MedshiftError(f"{who}: what it declares to search, {wrong[0]!r}, is no hyper-parameter with a draw")
    return cast("type[Baseline]", found)


def search(kind: type[Baseline] | Baseline) -> Space:
    """Returns from where `--tune` may draw its hyper-parameters; empty where it declares nothing."""
    return cast("Space", getattr(kind, "search", {}))


def label(name: str) -> str:
    """Returns how cards and folders name a baseline."""
    return user_class.label(name) if user_class.is_spec(name) else name


def origin(name: str) -> str:
    """Returns where a baseline comes from: a distribution and its version, or a module and the hash of its file."""
    return user_class.origin(name) if user_class.is_spec(name) else TABLE.origin(name)


def code(baseline: Baseline) -> str:
    """Hash the files that a baseline is written in, its own package's imports included; empty for medshift's own.

    Caches are kept by it, so that nothing that an earlier version of the files left is used. Medshift's own baselines
    have their trained networks kept by the modules that train them.
    """
    module = type(baseline).__module__
    if module.startswith("medshift.baselines."):
        return ""
    return code_sha256([module]) if getattr(sys.modules.get(module), "__file__", None) else ""


def make_baseline(name: str, settings: Sequence[str]) -> Baseline:
    """Returns a baseline with some hyper-parameters set.

    Args:
        name: In the table.
        settings: `key=value`, as typed after `--set`.

    Raises:
        MedshiftError: An unknown key (near ones offered), or a value of the wrong type or range.
    """
    from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError

    kind = load_baseline(name)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    given: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise MedshiftError(f"--set takes key=value, not {setting!r}")
        if key not in fields:
            raise MedshiftError(f"baseline {name!r} has no hyper-parameter {key!r}.{near(key, fields)}")
        given[key] = value
    try:
        made: Baseline = TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where, what = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
        if not where:  # of several hyper-parameters together
            raise MedshiftError(f"baseline {name!r}: {what}") from None
        raise MedshiftError(f"--set {where}={problem['input']!s}: {what}") from None
    except ValueError as error:
        raise MedshiftError(f"baseline {name!r}: {error}") from None
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise MedshiftError(f"baseline {name!r}: the type of a hyper-parameter is none: {in_one_line(error)}") from None
    return made


def for_dims(baseline: Baseline, dims: int) -> Baseline:
    """Returns a baseline as it is for images of so many spatial axes: one may have other defaults for volumes.

    It says so by a method `for_dims(dims)`; the card then tells what was run.
    """
    suit = getattr(baseline, "for_dims", None)
    return cast("Baseline", suit(dims)) if callable(suit) else baseline


def config(baseline: Baseline) -> dict[str, bool | int | float | str | None]:
    """Returns all hyper-parameters, as they go into the card."""
    return dataclasses.asdict(baseline)  # type: ignore[call-overload,no-any-return]


def overrides(baseline: Baseline) -> dict[str, bool | int | float | str | None]:
    """Returns the hyper-parameters that differ from the defaults."""
    defaults = {field.name: field.default for field in dataclasses.fields(baseline)}  # type: ignore[arg-type]
    return {key: value for key, value in config(baseline).items() if value != defaults[key]}
