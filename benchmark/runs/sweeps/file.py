"""A sweep in a TOML file; every mistake is one line that names the line and the key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast, get_args

from ....shifts.errors import MedshiftError, near
from ...contract.precision import DEFAULT, Precision
from . import lines, options
from .methods import MethodError, baselines, check_names
from .sweep import Method, ProtocolChoice, Setting, Sweep

KEYS = ("baselines", "settings", "seeds", "tune", "protocols", "submitter", "precision")
LARGEST = 1 << 20  # bytes; a longer file is not a sweep


@dataclass(frozen=True)
class SweepFile:
    """A sweep's file.

    Args:
        path: The file.
        text: Its content.
        content: The content, parsed.
    """

    path: Path
    text: str
    content: Mapping[str, Any]

    def fail(self, problem: str, *where: str | int) -> NoReturn:
        """Raise MedshiftError with the line and the last key of a path of keys."""
        found = list(where)
        while found and not (line := lines.line_of(self.text, found)):
            found.pop()
        at = f", line {line}" if found else ""
        names = [name for name in where if isinstance(name, str)]
        key = f", {names[-1]}" if names else ""
        raise MedshiftError(f"{self.path}{at}{key}: {problem}")

    def protocol_failed(self, number: int, problem: str) -> NoReturn:
        """Raise MedshiftError that names the table of a protocol, which the data refused."""
        self.fail(problem, "protocols", number)


def read_file(path: Path) -> tuple[Sweep, SweepFile]:
    """Read a sweep from a file of TOML, and check all that can be checked without the data.

    Raises:
        MedshiftError: The file cannot be read, or is wrong; the message names the line and the key.
    """
    file = parse_file(path, "sweep")
    for key in file.content:
        if key not in KEYS:
            file.fail(f"unknown key.{near(key, KEYS)}", key)
    methods = _methods(file)
    _check(file, methods)
    return (
        Sweep(
            methods,
            _protocols(file),
            _seeds(file),
            _whole(file, "tune"),
            _text(file, "submitter"),
            _precision(file),
        ),
        file,
    )


def _precision(file: SweepFile) -> Precision:
    found = _text(file, "precision") or DEFAULT
    if found not in get_args(Precision):
        file.fail(f"choose one of {', '.join(get_args(Precision))}, not {found!r}", "precision")
    return cast("Precision", found)


def parse_file(path: Path, what: str) -> SweepFile:
    """Parse a file of TOML.

    Args:
        path: The file.
        what: What it describes, for messages: `sweep`.

    Raises:
        MedshiftError: It cannot be read, or is not TOML; the message names the line.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise MedshiftError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise MedshiftError(f"{path} is not UTF-8 text: write the {what} as TOML") from None
    if len(raw) > LARGEST:
        raise MedshiftError(f"{path} is larger than {LARGEST >> 20} MiB: this is not the file of a {what}")
    try:
        return SweepFile(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        _syntax(path, text, str(error))


def _syntax(path: Path, text: str, message: str) -> NoReturn:
    """Raise MedshiftError with the line of a mistake in the syntax, and what stands there."""
    found = re.search(r" \(at line (\d+), column \d+\)$", message)
    rows = text.split("\n")
    number = int(found[1]) if found else len(rows)
    shown = rows[number - 1].strip()[:80] if number <= len(rows) else ""
    what = re.sub(r" \(at [^)]*\)$", "", message)
    raise MedshiftError(f"{path}, line {number}: {what[:1].lower()}{what[1:]}{f': {shown}' if shown else ''}")


def _methods(file: SweepFile) -> tuple[Method, ...]:
    """Read the baselines: a list of names, or a table per baseline with its own hyper-parameters."""
    given = file.content.get("baselines")
    if not given or not isinstance(given, list | dict):
        file.fail('list at least one baseline, e.g. baselines = ["imagenet-finetune", "scratch"]', "baselines")
    shared = file.content.get("settings", {})
    if not isinstance(shared, dict):
        file.fail("is a table of hyper-parameters: [settings]", "settings")
    if isinstance(given, list):
        for index, name in enumerate(given):
            if not isinstance(name, str):
                file.fail(f"names of baselines are text, not {name!r}", "baselines")
            if name in given[:index]:
                file.fail(f"{name!r} is listed twice", "baselines")
        tables: dict[str, Any] = {name: {} for name in given}
    else:
        tables = given
    for name, table in tables.items():
        if not isinstance(table, dict):
            file.fail(f"is a table of hyper-parameters: [baselines.{name}]", "baselines", name)
    return tuple(
        Method(name, {key: _values(file, name, key, value) for key, value in {**shared, **table}.items()})
        for name, table in tables.items()
    )


def _values(file: SweepFile, baseline: str, key: str, value: object) -> tuple[Setting, ...]:
    found = value if isinstance(value, list) else [value]
    for each in found:
        if not isinstance(each, bool | int | float | str):
            shown = "a table" if isinstance(each, dict) else "a list" if isinstance(each, list) else repr(each)
            file.fail(f"a hyper-parameter is a number, text, true or false, not {shown}", *_home(file, baseline, key))
    return tuple(found)


def _home(file: SweepFile, baseline: str, key: str = "") -> tuple[str, ...]:
    """Return where a baseline, or its hyper-parameter, stands: in its own table or among the shared settings."""
    tables = file.content["baselines"]
    own = isinstance(tables, dict)
    if not key:
        return ("baselines", baseline) if own else ("baselines",)
    if own and key in tables[baseline]:
        return ("baselines", baseline, key)
    return ("settings", key)


def _check(file: SweepFile, methods: tuple[Method, ...]) -> None:
    """Make every baseline with every combination of its settings."""
    try:
        check_names({method.baseline: method for method in methods})  # before one is imported
        for method in methods:
            for _ in baselines(method):
                pass
    except MethodError as error:
        file.fail(error.problem, *_home(file, error.baseline, error.key))


def _protocols(file: SweepFile) -> tuple[ProtocolChoice, ...]:
    given = file.content.get("protocols", [{}])
    if isinstance(given, dict):
        file.fail("write [[protocols]], with two brackets: each such table is one protocol", "protocols")
    if not isinstance(given, list) or not given or not all(isinstance(table, dict) for table in given):
        file.fail("each protocol is a table [[protocols]] with options of `medshift run`", "protocols")
    made: list[ProtocolChoice] = []
    for number, table in enumerate(given):
        try:
            choice = options.read(table)
        except options.OptionError as error:
            file.fail(str(error), "protocols", number, *([error.key] if error.key else []))
        if choice in made:
            file.fail("this protocol is listed twice", "protocols", number)
        made.append(choice)
    return tuple(made)


def _seeds(file: SweepFile) -> tuple[int, ...]:
    """Read the seeds: a list, or their number."""
    given = file.content.get("seeds", 1)
    listed = given if isinstance(given, list) else [given]
    if not listed or not all(isinstance(seed, int) and not isinstance(seed, bool) for seed in listed):
        file.fail(f"give the number of seeds, or a list of whole numbers, not {given!r}", "seeds")
    if not isinstance(given, list):
        if given < 1:
            file.fail(f"must be 1 or more, not {given}", "seeds")
        return tuple(range(given))
    if min(listed) < 0:
        file.fail(f"a seed must not be negative: {min(listed)}", "seeds")
    if len(set(listed)) < len(listed):
        file.fail(f"a seed is listed twice: {', '.join(map(str, listed))}", "seeds")
    return tuple(listed)


def _whole(file: SweepFile, key: str) -> int:
    value = file.content.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        file.fail(f"must be a whole number, 0 or more, not {value!r}", key)
    return value


def _text(file: SweepFile, key: str) -> str:
    value = file.content.get(key, "")
    if not isinstance(value, str):
        file.fail(f"must be text, not {value!r}", key)
    return value
