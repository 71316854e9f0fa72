"""JSON with one meaning: parsed in the child, where names that occur twice and unprintable texts are refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from ....shifts.errors import MedshiftError
from ..text import code, unseen, visible
from .child import ReadingError, Refused, call
from .limits import MIB, Limits

DEEPEST = 40  # levels of lists and objects
MOST_NAMES = 12_000  # in one object: a card may name ten thousand conditions
MOST_VALUES = 600_000  # texts, lists and objects
MEMORY = 256 * MIB
SECONDS = 20


class JsonError(MedshiftError):
    """A file that is not JSON of one meaning; the text says why, without the file's name."""


def read_json(path: Path, most: int) -> str:
    """Read a file of JSON in a child; return its text, which has one meaning.

    Args:
        path: The file.
        most: Its most bytes, which the caller has looked at.

    Raises:
        JsonError: It is not JSON, names a field twice, or holds characters that are not printable; the text says
            which, without the file's name.
    """
    try:
        text = call(checked, (str(path), most), Limits(MEMORY, SECONDS, 2 * most + MIB))
    except ReadingError as error:
        raise JsonError(f"{error}; refused" if error.exceeds else f"is not JSON: {error}") from error
    except Refused as error:
        raise JsonError(str(error)) from error
    if not isinstance(text, str):
        raise JsonError("is not JSON: its reader gave none")
    return text


def checked(asked: tuple[str, int]) -> str:
    """Return the text of a file, if it is JSON of one meaning; runs in the child."""
    path, most = asked
    with Path(path).open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise MedshiftError("has grown while it was read")
    return checked_text(content)


def checked_text(content: bytes) -> str:
    """Return JSON as text, if it has one meaning.

    Raises:
        MedshiftError: It has not; the text says why.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MedshiftError(f"is not UTF-8 (byte {error.start})") from error
    try:
        found = json.loads(text, object_pairs_hook=_unlike)
    except RecursionError as error:
        raise MedshiftError("is not JSON of this project: it is nested too deeply") from error
    except ValueError as error:
        raise MedshiftError(f"is not JSON: {error}") from error
    _check(found, "", 0, [MOST_VALUES])
    return text


def _unlike(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a name that occurs twice: a reader of the file sees the first, a program takes the last."""
    if len(pairs) > MOST_NAMES:
        raise MedshiftError(f"names {len(pairs):,} fields in one object, at most {MOST_NAMES:,} are read")
    made = dict(pairs)
    if len(made) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counted.items() if count > 1)
        raise MedshiftError(f"names {visible(twice, 80)!r} twice: keep one")
    return made


def _check(value: object, where: str, depth: int, left: list[int]) -> None:
    """Refuse text that is not to be seen, in names of fields and in values; a value may have several lines."""
    left[0] -= 1
    if left[0] < 0:
        raise MedshiftError(f"holds more than {MOST_VALUES:,} values")
    if depth > DEEPEST:
        raise MedshiftError("is not JSON of this project: it is nested too deeply")
    if isinstance(value, str):
        _check_text(value.replace("\n", " ").replace("\t", " "), where)
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_text(name, where)
            _check(each, f"{where}.{name}".lstrip("."), depth + 1, left)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            if isinstance(each, str | dict | list):
                _check(each, f"{where}.{index}", depth + 1, left)


def _check_text(text: str, where: str) -> None:
    if text.isascii() and text.isprintable():
        return
    for at, char in enumerate(text):
        if unseen(char, text[at - 1 : at]):
            place = visible(where or "the file", 120)
            raise MedshiftError(f"{place}: holds {code(char)}: only printable characters are read")
