"""Acceptance criteria in a TOML file; every mistake is one line that names the line and the key."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ....benchmark.runs.sweeps.file import SweepFile, parse_file
from ....benchmark.scoring.metrics import METRICS
from ....shifts.errors import near
from .criterion import COVERAGE, EVERY, LIMITS, MEASURES, OF_A_CLASS, OTHER, Criterion, Rule, higher_is_better

TABLE = "criteria"
KEYS = ("name", "metric", "class", *LIMITS, "sites", "shift", "up_to", "up_to_severity")
MOST = 200  # criteria of a file
LONGEST_NAME = 200  # characters
EXAMPLE = '[[criteria]], then name = "...", metric = "balanced_accuracy", at_least = 0.8, sites = "every"'


def read_criteria(path: Path) -> tuple[list[Criterion], SweepFile]:
    """Read criteria from a file of TOML, and check all that can be checked without a protocol.

    Raises:
        MedshiftError: The file cannot be read, or is wrong; the message names the line and the key.
    """
    file = parse_file(path, "set of criteria")
    for key in file.content:
        if key != TABLE:
            file.fail(f"unknown key.{near(key, [TABLE])} Each criterion is a table [[{TABLE}]]", key)
    tables = file.content.get(TABLE)
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        file.fail(f"write each criterion as a table: {EXAMPLE}", TABLE)
    if len(tables) > MOST:
        file.fail(f"{len(tables)} criteria; at most {MOST} are read", TABLE)
    found: list[Criterion] = []
    for number, table in enumerate(tables):
        criterion = _criterion(file, number, table)
        if criterion.name in [other.name for other in found]:
            file.fail(f"{criterion.name!r} is the name of an earlier criterion", TABLE, number, "name")
        found.append(criterion)
    return found, file


def _criterion(file: SweepFile, number: int, table: dict[str, Any]) -> Criterion:
    """Read one criterion."""
    for key in table:
        if key not in KEYS:
            file.fail(f"unknown key.{near(key, KEYS)}", TABLE, number, key)
    name = _text(file, number, table, "name")
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        file.fail(f"give each criterion a name of 1 to {LONGEST_NAME} printable characters", TABLE, number, "name")
    rule = _rule(file, number, table)
    sites, shift = _sites(file, number, table), _text(file, number, table, "shift")
    if bool(sites) == bool(shift):
        what = "give sites or shift, not both" if sites else f"say where: sites = {EVERY!r}, or shift and up_to"
        file.fail(what, TABLE, number, *(["shift"] if shift else []))
    ends = [key for key in ("up_to", "up_to_severity") if key in table]
    if not shift and ends:
        file.fail("goes with shift", TABLE, number, ends[0])
    if not shift:
        return Criterion(name, rule, sites)
    if len(ends) != 1:
        text = "give up_to in the shift's unit, or up_to_severity, not both" if ends else "say up to where: up_to = 1.4"
        file.fail(text, TABLE, number, ends[-1] if ends else "shift")
    end = _number(file, number, table, ends[0])
    if ends[0] == "up_to_severity":
        if not 0 < end <= 5:
            file.fail(f"severities are above 0 and at most 5, not {end:g}", TABLE, number, "up_to_severity")
        return Criterion(name, rule, (), shift, up_to_severity=end)
    return Criterion(name, rule, (), shift, up_to=end)


def _rule(file: SweepFile, number: int, table: dict[str, Any]) -> Rule:
    """Read the measure and its limit."""
    metric = _text(file, number, table, "metric")
    if not metric:
        file.fail(f"name a metric: {', '.join(MEASURES)}", TABLE, number)
    if metric not in MEASURES:
        file.fail(f"unknown metric {metric[:80]!r}.{near(metric, MEASURES)}", TABLE, number, "metric")
    class_ = _text(file, number, table, "class")
    if class_ and metric not in OF_A_CLASS:
        file.fail(f"{metric} is of all classes: leave class out", TABLE, number, "class")
    given = [limit for limit in LIMITS if limit in table]
    if len(given) != 1:
        text = f"give one of {', '.join(given)}" if given else f"give a limit: one of {', '.join(LIMITS)}"
        file.fail(text, TABLE, number, *given[-1:])
    (limit,) = given
    higher = higher_is_better(metric)
    if limit != "loses_at_most" and (limit == "at_least") != higher:
        fitting = "at_least" if higher else "at_most"
        what = "high" if higher else "low"
        file.fail(f"{what} values of {metric} are good: use {fitting}", TABLE, number, limit)
    if metric == COVERAGE and limit == "loses_at_most":
        file.fail("a loss of coverage is not defined: use at_least", TABLE, number, limit)
    value = _number(file, number, table, limit)
    most = METRICS[metric].most if metric in METRICS else 1.0
    if not 0 <= value <= most:
        file.fail(f"{metric} is between 0 and {most:g}, not {value:g}", TABLE, number, limit)
    return Rule(metric, class_, limit, value)


def _sites(file: SweepFile, number: int, table: dict[str, Any]) -> tuple[str, ...]:
    """Read the sites: `every`, `other`, or a list of names."""
    given = table.get("sites", [])
    if isinstance(given, str):
        if given not in (EVERY, OTHER):
            file.fail(f"use {EVERY!r}, {OTHER!r} (without the source) or a list of names", TABLE, number, "sites")
        return (given,)
    if not isinstance(given, list) or not all(isinstance(name, str) and name for name in given):
        file.fail(f"use {EVERY!r}, {OTHER!r} (without the source) or a list of names", TABLE, number, "sites")
    if "sites" in table and not given:
        file.fail("the list is empty: name the sites", TABLE, number, "sites")
    repeated = [name for name in given if given.count(name) > 1]
    if repeated:
        file.fail(f"{repeated[0]!r} is listed twice", TABLE, number, "sites")
    reserved = [name for name in given if name in (EVERY, OTHER)]
    if reserved:
        file.fail(f"write sites = {reserved[0]!r}, without brackets", TABLE, number, "sites")
    return tuple(given)


def _text(file: SweepFile, number: int, table: dict[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        file.fail(f"must be text, not {_shown(value)}", TABLE, number, key)
    return value


def _number(file: SweepFile, number: int, table: dict[str, Any], key: str) -> float:
    value = table[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        file.fail(f"must be a number, not {_shown(value)}", TABLE, number, key)
    return float(value)


def _shown(value: object) -> str:
    return "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)[:80]
