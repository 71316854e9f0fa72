"""Baselines of a sweep, checked against their dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from ....shifts.errors import MedshiftError, near
from ...contract import registry, user_class
from ...contract.apart.described import describe, is_foreign, make_or_describe
from ...contract.registry import Baseline
from .sweep import Method, Setting, typed

KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


class MethodError(MedshiftError):
    """A baseline does not exist, or does not take a setting.

    Args:
        baseline: The baseline.
        key: The hyper-parameter; empty if it is about the baseline, or about several together.
        problem: What is wrong.
    """

    def __init__(self, baseline: str, key: str, problem: str) -> None:
        super().__init__(f"baseline {baseline!r}, {key}: {problem}" if key else problem)
        self.baseline = baseline
        self.key = key
        self.problem = problem


def check_names(names: Mapping[str, object]) -> None:
    """Check that baselines are known, without importing one.

    Raises:
        MethodError: One is not.
    """
    for name in names:
        if not user_class.is_spec(name):
            try:
                registry.TABLE.check(name)
            except MedshiftError as error:
                raise MethodError(name, "", str(error)) from None


def baselines(method: Method) -> Iterator[tuple[dict[str, Setting], Baseline]]:
    """Yield every combination of a method's settings, with the baseline that it makes, or that stands for it here.

    Raises:
        MethodError: The baseline is unknown, lacks a hyper-parameter, or refuses a value.
    """
    name = method.baseline
    try:
        # a class that is not medshift's own is imported in processes that see no data, as `medshift run` does
        kind = type(describe(name, [])) if is_foreign(name) else registry.load_baseline(name)
    except MedshiftError as error:
        raise MethodError(name, "", str(error)) from None
    fields = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key, values in method.settings.items():
        if key not in fields:
            raise MethodError(name, key, f"{name!r} has no such hyper-parameter.{near(key, fields)}")
        if not values:
            raise MethodError(name, key, "the list is empty: give at least one value")
    _require_budget_counts(method, kind)
    made = []
    for settings in method.combinations():
        made.append(_made(name, settings))
        yield settings, made[-1]
    for key, values in method.settings.items():
        if len({getattr(each, key) for each in made}) < len(values):
            listed = ", ".join(map(str, values))
            raise MethodError(name, key, f"a value is listed twice: {listed}")


def _require_budget_counts(method: Method, kind: type[Baseline]) -> None:
    """Refuse several budgets beside steps, which go before them: their entries would be trained alike.

    Raises:
        MethodError: There are such.
    """
    # those of the common recipe, which a plug-in may have, too; a class may give the names another meaning
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    common = (defaults.get("budget"), defaults.get("steps")) == ("standard", 0)
    steps = [value for value in method.settings.get("steps", ()) if str(value) != "0"]
    if common and steps and len(method.settings.get("budget", ())) > 1:
        raise MethodError(
            method.baseline,
            "budget",
            f"steps={steps[0]} goes before it, so that all of these would train alike: give one",
        )


def _made(name: str, settings: Mapping[str, Setting]) -> Baseline:
    try:
        made = make_or_describe(name, typed(settings))
    except registry.SettingError as error:
        raise MethodError(
            name, error.key, f"{error.problem[:1].lower()}{error.problem[1:]}, not {settings.get(error.key)!r}"
        ) from None
    except MedshiftError as error:
        raise MethodError(name, "", str(error)) from None
    for key, value in settings.items():
        have = getattr(made, key)
        # a text may stand for anything, as after --set; what has a type of its own must have the right one
        if not isinstance(value, str) and (isinstance(have, str) or isinstance(have, bool) != isinstance(value, bool)):
            wanted = KINDS.get(type(have), type(have).__name__)
            raise MethodError(name, key, f"input should be {wanted}, not {value!r}")
    return made
