"""A study in a TOML file; every mistake is one line that names the line and the key."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast, get_args, get_type_hints

from ...shifts.errors import MedshiftError, near
from ..runs.sweeps import options
from ..runs.sweeps.file import SweepFile, parse_file
from ..runs.sweeps.methods import MethodError, check_names
from ..runs.sweeps.sweep import ProtocolChoice
from .checks import check, check_words
from .study import Study, StudyError

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class LoadedStudy:
    """A study and where it is from.

    Args:
        study: The study.
        file: Its file; None for one that a package defines in Python.
    """

    study: Study
    file: SweepFile | None = None

    def fail(self, problem: str, *where: str | int) -> NoReturn:
        """Raise MedshiftError that names the study, and the line of its file."""
        if self.file is not None:
            self.file.fail(problem, *where)
        raise MedshiftError(f"study {self.study.name!r}, {'.'.join(map(str, where))}: {problem}")


def read_study(path: Path) -> LoadedStudy:
    """Read a study, and check all that can be checked without data and without loading a baseline.

    Raises:
        MedshiftError: The file cannot be read, or is wrong; the message names the line and the key.
    """
    file = parse_file(path, "study")
    if "analysis" in file.content:
        file.fail("a study in a file is answered by its `answers`; a package brings its own analysis", "analysis")
    loaded = LoadedStudy(build(Study, file.content, file), file)
    check_study(loaded)
    return loaded


def read_python(study: Study) -> Study:
    """Hold a study that a package defines in Python to what a file is held to, and check it likewise.

    Returns:
        The study with the types that its fields declare: lists are tuples.

    Raises:
        MedshiftError: It is wrong; the message names the key.
    """
    plain = {name: value for name, value in asdict(replace(study, analysis=None)).items() if name != "analysis"}
    content = json.loads(json.dumps(plain, default=_no_json))  # with lists, as a file has them
    made = replace(build(Study, content, LoadedStudy(study)), analysis=study.analysis)
    check_study(LoadedStudy(made))
    return made


def check_study(loaded: LoadedStudy) -> None:
    """Check a study as far as that needs no data and loads no baseline.

    Raises:
        MedshiftError: It is wrong.
    """
    study = loaded.study
    try:
        check(study)
        check_words(study)
        protocol_choice(study)
    except StudyError as error:
        loaded.fail(error.problem, *error.where)
    except options.OptionError as error:
        loaded.fail(str(error), "protocol", *([error.key] if error.key else []))
    for name, arm in study.arms.items():
        try:
            check_names({arm.baseline: arm})
        except MethodError as error:
            loaded.fail(error.problem, "arms", name, "baseline")


def protocol_choice(study: Study) -> ProtocolChoice:
    """Read the options by which a study chooses its protocol.

    Raises:
        OptionError: One is unknown or has a wrong value.
    """
    return options.read({key: list(each) if isinstance(each, tuple) else each for key, each in study.protocol.items()})


def build(kind: type[Kind], content: Mapping[str, Any], file: SweepFile | LoadedStudy, *above: str | int) -> Kind:
    """Make a dataclass of parsed TOML, or of what could be that.

    Args:
        kind: The dataclass.
        content: Its fields by name.
        file: The file, for messages; or the study that a package defines.
        above: The keys under which the content stands in it.

    Raises:
        MedshiftError: A field is unknown, missing, or of another type.
    """
    from pydantic import ValidationError

    try:
        # as JSON, since only there lists are tuples, and tables dataclasses, in strict mode
        return cast("Kind", _adapter(cast("Hashable", kind)).validate_json(json.dumps(content, default=_no_json)))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        # a mistyped key is the cause of others
        problem = min(problems, key=lambda each: each["type"] not in ("unexpected_keyword_argument", "missing"))
        _refuse(kind, content, file, problem, above)


def _refuse(
    kind: type[Any],
    content: Mapping[str, Any],
    file: SweepFile | LoadedStudy,
    problem: Mapping[str, Any],
    above: Sequence[str | int],
) -> NoReturn:
    """Raise MedshiftError for a problem that pydantic found, with the line and the key."""
    where = [part for part in problem["loc"] if isinstance(part, str | int)]
    # of a union, the location ends in the names of its members, which stand nowhere in the file
    while where and not _stands(content, where) and problem["type"] != "missing":
        where.pop()
    if problem["type"] == "unexpected_keyword_argument":
        names = _names(kind, where[:-1])
        file.fail(f"unknown key.{near(str(where[-1]), names)}", *above, *where)
    if problem["type"] == "missing":
        file.fail(f"{str(where[-1])!r} is missing", *above, *where[:-1])
    shown = repr(problem["input"])[:80]
    file.fail(f"{problem['msg'][:1].lower()}{problem['msg'][1:]}, not {shown}", *above, *where)


@lru_cache(maxsize=8)
def _adapter(kind: Hashable) -> Any:  # noqa: ANN401 - pydantic's, which is imported on use
    from pydantic import TypeAdapter

    return TypeAdapter(cast("Any", kind))


def _no_json(value: object) -> dict[str, str]:
    """Write a date of TOML, or any other object, which no field takes, such that it is refused."""
    return {f"a {type(value).__name__}": str(value)}


def _stands(content: object, where: list[str | int]) -> bool:
    for step in where:
        is_index = isinstance(content, list) and isinstance(step, int) and step < len(content)
        if not is_index and not (isinstance(content, Mapping) and step in content):
            return False
        content = content[step]  # type: ignore[index]
    return True


def _names(kind: type[Any], where: list[str | int]) -> list[str]:
    """List the fields of the dataclass at a path of keys."""
    found: Any = kind
    for step in where:
        if is_dataclass(found):
            found = get_type_hints(found).get(str(step))
        else:
            found = next((each for each in reversed(get_args(found)) if each is not Ellipsis), None)
    while found is not None and not is_dataclass(found):
        found = next((each for each in reversed(get_args(found)) if each is not Ellipsis), None)
    return [field.name for field in fields(found) if field.name != "analysis"] if found is not None else []
