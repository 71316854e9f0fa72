"""`study.toml`: the study as it is run, in the folder of its submissions; the report is made from that folder alone."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...shifts.errors import MedshiftError
from ..files.atomic import write_text
from ..runs.sweeps.file import parse_file
from .checks import check
from .file import LoadedStudy, build
from .study import STRICT, Setting, Study, StudyError

if TYPE_CHECKING:
    from ..submissions.card import Card

STUDY_FILE = "study.toml"
SCHEMA = "medshift-study/1"
BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class StudyRun:
    """A run of a study, and the cell of its grid.

    Args:
        arm: The arm.
        protocol: Name of the protocol's folder.
        entry: Name of the entry's folder.
        seed: Seed of training.
        levels: Axis -> level.
        made: Hash of what its submission is made with (`PlannedRun.key`): the report leaves out one that was made with
            other settings or code. Empty, and not compared, in folders of earlier versions.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    arm: str
    protocol: str
    entry: str
    seed: int
    levels: Mapping[str, Setting] = field(default_factory=dict)
    made: str = ""


@dataclass(frozen=True)
class StudyData:
    """The data of a study.

    Args:
        name: Name of the data set.
        simulated: Whether its images come from a simulator.
        options: Options of `medshift run` that choose data and protocol, without their dashes.
        images: Protocol -> hash of a folder's images (`manifest.local_sha256`), which its submissions are about.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str = ""
    simulated: bool = False
    options: Mapping[str, Setting | tuple[Setting, ...]] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredStudy:
    """A study as it is run.

    Args:
        study: The study, with what was left out and set.
        data: The data.
        command: The command that makes it.
        cuts: How it differs from the study as defined, one sentence each.
        runs: Its runs, in order.
        settings: Options of the runs that are not part of the grid: device, threads, precision.
        own_analysis: Whether the study is answered by its package, not by its `answers`.
        schema: Version of the file.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    study: Study
    data: StudyData
    command: str
    cuts: tuple[str, ...] = ()
    runs: tuple[StudyRun, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    own_analysis: bool = False
    schema: str = SCHEMA

    @property
    def told_cuts(self) -> list[str]:
        """How it differs from the study as defined, as a sentence in a list; an empty list if it does not."""
        return [f"This differs from the study as it is defined: {'; '.join(self.cuts)}."] if self.cuts else []

    def is_stale(self, run: StudyRun, found: Card) -> bool:
        """Return whether a submission was made with other settings, code or images than noted for its run."""
        from ..runs.job import made_key  # imports pandas

        if not run.made:
            return False
        same = made_key(found, self.study.arms[run.arm].baseline) == run.made
        return not same or found.dataset.images_sha256 not in (None, self.data.images.get(run.protocol))


def write(stored: StoredStudy, folder: Path) -> None:
    """Write `study.toml` into a folder.

    Raises:
        MedshiftError: The folder holds another study, or the same on other data.
    """
    path = folder / STUDY_FILE
    if path.exists():
        there = read(folder)
        for what, have, want in (
            ("study", there.study.name, stored.study.name),
            ("data set", there.data.name, stored.data.name),
        ):
            if have != want:
                raise MedshiftError(f"{folder} holds another {what}, {have!r}: choose another --out for {want!r}")
    write_text(path, "\n".join(_lines(_content(stored))) + "\n")


def read(folder: Path) -> StoredStudy:
    """Read `study.toml` from a folder.

    Raises:
        MedshiftError: It is missing or damaged; the message names the line.
    """
    path = folder / STUDY_FILE
    if not path.is_file():
        raise MedshiftError(f"{folder} holds no {STUDY_FILE}, as `medshift study run NAME --out DIR` writes it")
    file = parse_file(path, "study")
    schema = file.content.get("schema")
    if schema != SCHEMA:
        file.fail(f"is {schema!r}, and this version of medshift reads {SCHEMA!r}", "schema")
    stored = build(StoredStudy, file.content, file)
    loaded = LoadedStudy(stored.study, file)
    try:
        if not stored.own_analysis:
            check(stored.study)
    except StudyError as error:
        loaded.fail(error.problem, "study", *error.where)
    for number, run in enumerate(stored.runs):
        if run.arm not in stored.study.arms:
            loaded.fail(f"no arm {run.arm!r}", "runs", number, "arm")
        if run.levels not in list(stored.study.cells(run.arm)):
            loaded.fail(f"arm {run.arm!r} has no cell with these levels", "runs", number)
    return stored


def _content(stored: StoredStudy) -> dict[str, Any]:
    """Return what is written: fields that are not at their defaults."""
    found: dict[str, Any] = {"schema": stored.schema}
    for item in dataclasses.fields(stored):
        value = getattr(stored, item.name)
        if item.name != "schema" and value not in ((), {}, False):
            found[item.name] = _plain(value)
    return found


def _plain(value: object) -> Any:  # noqa: ANN401
    if dataclasses.is_dataclass(value):
        fields = [item for item in dataclasses.fields(value) if item.name != "analysis"]
        given = {item.name: (getattr(value, item.name), item.default) for item in fields}
        return {
            name: _plain(each)
            for name, (each, default) in given.items()
            if each is not None and each != default and each != {}  # `draw` may be empty: no figures
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value


def _lines(table: Mapping[str, Any], *above: str) -> Iterator[str]:
    """Yield the lines of a table of TOML: its values, then the tables in it."""
    tables = [key for key, value in table.items() if isinstance(value, dict) or _of_tables(value)]
    for key, value in table.items():
        if key not in tables:
            yield f"{_key(key)} = {_value(value)}"
    for key in tables:
        path = (*above, key)
        name = ".".join(map(_key, path))
        if isinstance(table[key], dict):
            yield from ("", f"[{name}]", *_lines(table[key], *path))
        else:
            for each in table[key]:
                yield from ("", f"[[{name}]]", *_inline(each))


def _inline(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a table whose own tables are short."""
    for key, value in table.items():
        yield f"{_key(key)} = {_value(value)}"


def _of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else _value(key)


def _value(value: object) -> str:
    """Write a value of TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):  # JSON's escapes are TOML's, but for one character that TOML wants escaped, too
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
