"""The table of baselines, and their construction from a name and `--set` options."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from ...shifts.errors import MedshiftError, in_one_line, near
from ...shifts.plugins import Table
from ..files.atomic import sha256
from ..files.code import code_sha256
from . import user_class
from .entry import LONGEST_TEXT, NAMED, Entry
from .search_space import LATER, MOST
from .sees import SEES

if TYPE_CHECKING:
    from .access import Access
    from .predictor import Predictor
    from .search_space import Space
    from .sees import Sees

#: Imported by name, since baselines build on this package; the harness imports a baseline only on use.
BUILTINS: Mapping[str, Entry] = import_module("medshift.baselines.catalogue").BUILTINS
TABLE = Table("medshift.baselines", "baseline", {name: entry.target for name, entry in BUILTINS.items()})


class SettingError(MedshiftError):
    """A baseline does not take the value of one hyper-parameter.

    Args:
        key: The hyper-parameter.
        value: The value, as typed.
        problem: What is wrong with it.
    """

    def __init__(self, key: str, value: object, problem: str) -> None:
        super().__init__(f"--set {key}={value!s}: {problem}")
        self.key = key
        self.problem = problem


class Baseline(Protocol):
    """A frozen dataclass of hyper-parameters with its access level and `fit`."""

    sees: ClassVar[Sees]
    paper: ClassVar[str]

    def fit(self, access: Access) -> Predictor:
        """Learn from what was granted, once per seed, and return one predictor for all conditions."""
        ...


def load_baseline(name: str) -> type[Baseline]:
    """Load the class of a name in the table, or of `my_module:MyBaseline`.

    Raises:
        MedshiftError: The name is unknown, or its class is not a baseline.
    """
    found = user_class.load(name) if user_class.is_spec(name) else TABLE.load(name)
    who = f"baseline {name!r} of {origin(name).partition(',')[0]}"
    if not (isinstance(found, type) and dataclasses.is_dataclass(found) and callable(getattr(found, "fit", None))):
        raise MedshiftError(f"{who} is not a dataclass with a method fit(access)")
    if getattr(found, "sees", None) not in SEES:
        raise MedshiftError(f"{who} must declare its access level `sees`: one of {', '.join(SEES)}")
    fields = {field.name: field.default for field in dataclasses.fields(found)}
    for key, default in fields.items():
        if not isinstance(default, bool | int | float | str | None):
            raise MedshiftError(f"{who}: hyper-parameter {key!r} needs a default: a number, text, True, False or None")
    space = search(cast("type[Baseline]", found))
    wrong = [key for key, draw in space.items() if key not in fields or not callable(getattr(draw, "at", None))]
    if wrong:
        raise MedshiftError(f"{who}: search entry {wrong[0]!r} is not a hyper-parameter with a distribution")
    return cast("type[Baseline]", found)


def search(kind: type[Baseline] | Baseline) -> Space:
    """Return the search space that `--tune` draws from; empty if the baseline declares none."""
    return cast("Space", getattr(kind, "search", {}))


def label(name: str) -> str:
    """Return the name of a baseline in cards and folders."""
    return user_class.label(name) if user_class.is_spec(name) else name


def origin(name: str) -> str:
    """Return the origin of a baseline: distribution and version, or module and the sha256 of its file."""
    return user_class.origin(name) if user_class.is_spec(name) else TABLE.origin(name)


def code(baseline: Baseline) -> str:
    """Hash the files of a baseline and of its imports within its own package or folder; empty for medshift's own ones.

    Part of the keys of caches, so that results of earlier code are not reused. The trained networks of medshift's own
    baselines are keyed by the modules that train them. A baseline that reads files, such as weights from a folder,
    lists them by a method `files()`.

    Raises:
        MedshiftError: One of these files cannot be read.
    """
    told = getattr(type(baseline), "told_code", None)
    if told is not None:  # by the process that imported it
        return str(told)
    listed = getattr(baseline, "files", None)
    parts = [_sha256(path) for path in listed()] if callable(listed) else []
    module = type(baseline).__module__
    file = getattr(sys.modules.get(module), "__file__", None)
    if file and not module.startswith("medshift."):
        parts[:0] = [code_sha256([module]), *filter(None, [user_class.code_beside(module, Path(file))])]
    return parts[0] if len(parts) == 1 else hashlib.sha256(" ".join(parts).encode()).hexdigest() if parts else ""


def _sha256(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise MedshiftError(f"{path} cannot be read: {error.strerror or error}") from error


def make_baseline(name: str, settings: Sequence[str]) -> Baseline:
    """Make a baseline with some hyper-parameters set.

    Args:
        name: Name in the table, or `my_module:MyBaseline`.
        settings: `key=value`, as typed after `--set`.

    Raises:
        MedshiftError: A key is unknown (near ones are suggested), or a value has the wrong type or range.
    """
    kind = load_baseline(name)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    given: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise MedshiftError(f"--set takes key=value, not {setting!r}")
        if key not in fields:
            raise MedshiftError(f"baseline {name!r} has no hyper-parameter {key!r}.{near(key, fields)}")
        if key in given:
            raise MedshiftError(f"--set {key} is given twice, as {given[key]} and {value}: give one value")
        given[key] = value
    return validated(kind, name, given)


def validated(kind: type[Baseline], name: str, given: Mapping[str, object]) -> Baseline:
    """Make a baseline of a class with some hyper-parameters, whose types and ranges are checked.

    Raises:
        SettingError: A value has the wrong type or range.
        MedshiftError: Several values do not go together.
    """
    from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError

    try:
        made: Baseline = TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where, what = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
        if not where:  # of several hyper-parameters together
            raise MedshiftError(f"baseline {name!r}: {what}") from None
        raise SettingError(where, problem["input"], what) from None
    except ValueError as error:
        raise MedshiftError(f"baseline {name!r}: {error}") from None
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        which = _unchecked(kind) or f"invalid type of a hyper-parameter: {in_one_line(error)}"
        raise MedshiftError(f"baseline {name!r}: {which}; types are int, float, bool, str, None and Literal") from None
    return made


def _unchecked(kind: type[Baseline]) -> str:
    """Name the first hyper-parameter whose type no value can be checked against, and the type; empty if all can be.

    A class with this field alone is tried, as its type may be a text, which only the module of the class understands.
    """
    from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter

    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        one = dataclasses.make_dataclass("One", [(field.name, field.type, None)])
        one.__module__ = kind.__module__
        try:
            TypeAdapter(one)
        except (PydanticUserError, PydanticUndefinedAnnotation):
            word = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", field.type)
            return f"hyper-parameter {field.name!r} has the type {word}"
    return ""


def for_dims(baseline: Baseline, dims: int) -> Baseline:
    """Adapt a baseline's defaults to images of `dims` spatial axes, if it has a method `for_dims(dims)`.

    The card shows the hyper-parameters that were run.
    """
    adapt = getattr(baseline, "for_dims", None)
    return cast("Baseline", adapt(dims)) if callable(adapt) else baseline


def config(baseline: Baseline) -> dict[str, bool | int | float | str | None]:
    """Return all hyper-parameters, as the card records them; `LATER` ones only where they are set."""
    found = dataclasses.asdict(baseline)  # type: ignore[call-overload]
    defaults = {field.name: field.default for field in later(baseline)}
    return {name: value for name, value in found.items() if name not in defaults or value != defaults[name]}


def unstorable(name: str, baseline: Baseline) -> str:
    """Say in one line what a card cannot hold of a baseline, which no run of it could end in; empty if it can."""
    who = f"baseline {name!r} of {origin(name).partition(',')[0]}"
    if not re.fullmatch(NAMED, label(name)):
        return f"{who}: a card takes names of letters, digits and ._+=,@- that begin with a letter or digit"
    found: Mapping[str, object] = config(baseline)
    for key, value in found.items():
        if not isinstance(value, bool | int | float | str | None):
            return f"{who}: hyper-parameter {key!r} is a {type(value).__name__}: a card holds numbers and texts"
        if isinstance(value, float) and not math.isfinite(value):
            return f"{who}: hyper-parameter {key!r} is {value}: a card holds finite numbers"
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            return f"{who}: hyper-parameter {key!r} has {len(value):,} characters: a card holds {LONGEST_TEXT:,}"
    return ""


def later(kind: type[Baseline] | Baseline) -> list[dataclasses.Field[Any]]:
    """List the hyper-parameters that came after cards were published; at their defaults, nothing has changed."""
    return [field for field in dataclasses.fields(kind) if field.metadata.get(LATER)]  # type: ignore[arg-type]


def ordinary(kind: type[Baseline] | Baseline) -> dict[str, float]:
    """Return the largest ordinary values that hyper-parameters state (`search_space.at_most`), by name."""
    return {field.name: field.metadata[MOST] for field in dataclasses.fields(kind) if MOST in field.metadata}  # type: ignore[arg-type]


def overrides(baseline: Baseline) -> dict[str, bool | int | float | str | None]:
    """Return the hyper-parameters that differ from their defaults."""
    defaults = {field.name: field.default for field in dataclasses.fields(baseline)}  # type: ignore[arg-type]
    return {key: value for key, value in config(baseline).items() if value != defaults[key]}
