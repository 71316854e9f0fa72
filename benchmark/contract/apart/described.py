"""A class that is not medshift's own, described by a process of its own: importing it runs its author's code.

What stands for it here has its hyper-parameters, access level and search space, and cannot fit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ....shifts.errors import MedshiftError
from .. import registry, user_class
from ..registry import Baseline
from ..search_space import LATER, MOST, Choice, LogUniform
from ..sees import Sees
from .place import Place

if TYPE_CHECKING:
    from ..access import Access

Plain: TypeAlias = bool | int | float | str | None


def is_foreign(name: str) -> bool:
    """Return whether the class of a name is not medshift's own."""
    return user_class.is_spec(name) or (name not in registry.BUILTINS and name in registry.TABLE.names())


def make_or_describe(name: str, settings: Sequence[str]) -> Baseline:
    """Make a baseline as `registry.make_baseline` does, or what stands for one that is not medshift's own.

    Raises:
        MedshiftError: As `registry.make_baseline`.
    """
    return describe(name, settings) if is_foreign(name) else registry.make_baseline(name, settings)


@dataclass(frozen=True)
class Description:
    """What a process tells of a class.

    Args:
        summary: First line of its docstring.
        sees: Its access level.
        code: `registry.code` of the instance.
        fields: (name, default, whether it came after cards were published, its largest ordinary value) of its
            hyper-parameters.
        values: Those of the instance.
        search: Hyper-parameter -> (kind, arguments) of its distribution.
        has_dims: Whether it adapts to volumes.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    summary: str
    sees: Sees
    code: str
    fields: list[tuple[str, Plain, bool, float | None]]
    values: dict[str, Plain]
    search: dict[str, tuple[str, list[Plain]]]
    has_dims: bool


def described(kind: type[Baseline], baseline: Baseline) -> Description:
    """Describe a baseline, in the process that may import it.

    Raises:
        MedshiftError: A distribution of its search space is of a kind of its own.
    """
    search: dict[str, tuple[str, list[Plain]]] = {}
    for key, draw in registry.search(kind).items():
        if isinstance(draw, LogUniform):
            search[key] = ("LogUniform", [draw.low, draw.high])
        elif isinstance(draw, Choice):
            search[key] = ("Choice", list(draw.values))
        else:
            raise MedshiftError(
                f"the distribution of {key!r} is neither LogUniform nor Choice of medshift.benchmark: use one of them, "
                "or --in-process"
            )
    late, most = {field.name for field in registry.later(kind)}, registry.ordinary(kind)
    fields = [field for field in dataclasses.fields(cast("Any", kind)) if field.init]
    return Description(
        summary=(kind.__doc__ or "").strip().split("\n")[0],
        sees=kind.sees,
        code=registry.code(baseline),
        fields=[
            (field.name, cast("Plain", field.default), field.name in late, most.get(field.name)) for field in fields
        ],
        values={field.name: getattr(baseline, field.name) for field in fields},
        search=search,
        has_dims=callable(getattr(kind, "for_dims", None)),
    )


def describe(
    name: str, settings: Sequence[str] | None, config: Mapping[str, object] | None = None, dims: int = 0
) -> Baseline:
    """Make what stands for a baseline, as `registry.make_baseline` does for medshift's own.

    Args:
        name: Name in the table, or `my_module:MyBaseline`.
        settings: `key=value`, as typed; None takes `config`.
        config: All hyper-parameters, as a card has them.
        dims: Spatial axes of the images, if the class is to adapt to them.

    Raises:
        MedshiftError: As `registry.make_baseline`.
    """
    from .process import MethodProcess

    place = Place((), here=True)
    with MethodProcess(place, cast("Access", _Quiet())) as process:
        answer = process.ask(
            ("described",), "describe", name=name, settings=settings, config=dict(config or {}), dims=dims
        )
    try:
        told = TypeAdapter(Description).validate_python(answer.fields.get("told"))
        return _stand_in(name, told)
    except (ValidationError, ValueError, TypeError) as error:
        raise MedshiftError(f"baseline {name!r} describes itself wrongly: {str(error).splitlines()[0]}") from None


class _Quiet:
    """The callbacks of a process that is granted nothing."""

    @staticmethod
    def report(line: str) -> None:
        """Do nothing."""


def _stand_in(name: str, told: Description) -> Baseline:
    """Make an instance of a class that has all of a baseline but its code."""
    kinds: dict[str, Any] = {"LogUniform": lambda values: LogUniform(*values), "Choice": lambda v: Choice(tuple(v))}

    def fit(self: object, access: Access) -> None:
        raise MedshiftError(f"baseline {name!r} was not imported here: it fits in a process of its own")

    def for_dims(self: object, dims: int) -> Baseline:
        values = {key: getattr(self, key) for key in told.values}
        return describe(name, None, values, dims)

    members: dict[str, Any] = {
        "__doc__": told.summary,
        "sees": told.sees,
        "paper": "",
        "search": {key: kinds[kind](values) for key, (kind, values) in told.search.items()},
        "told_code": told.code,
        "fit": fit,
        **({"for_dims": for_dims} if told.has_dims else {}),
    }
    listed = [
        (
            key,
            type(default),
            dataclasses.field(
                default=default,
                metadata={**({LATER: True} if late else {}), **({} if most is None else {MOST: most})},
            ),
        )
        for key, default, late, most in told.fields
    ]
    kind = dataclasses.make_dataclass("Described", listed, namespace=members, frozen=True)
    return cast("Baseline", kind(**told.values))
