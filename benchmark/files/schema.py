"""The base model of every file format, and readers of JSON files: a stranger's, or one of the project's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ...shifts.errors import MedshiftError
from .bounded.json_text import read_json
from .text import fault, visible

Text = TypeVar("Text", bound=str)
Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """Base model of what is read from files: no extra fields, immutable, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def printable(text: Text) -> Text:
    """Return a text that is held to printable characters (`text.fault`); for `pydantic.AfterValidator`.

    Raises:
        ValueError: It holds others.
    """
    if text.isascii() and text.isprintable():  # as nearly all are: a card has hundreds
        return text
    why = fault(text, len(text))
    if why:
        raise ValueError(why)
    return text


def first_problem(error: ValidationError) -> str:
    """Format the first validation error as `field: message`, in printable characters, and count the others."""
    return first_of(all_problems(error))


def first_of(problems: Sequence[str]) -> str:
    """Return the first problem, and count the others."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}"


def all_problems(error: ValidationError) -> list[str]:
    """Format all validation errors, each as `field: message`; names of unknown fields may hold anything."""
    found = error.errors(include_url=False, include_input=False)
    places = [".".join(visible(str(part), 80) for part in each["loc"]) or "the file" for each in found]
    words = [each["msg"].removeprefix("Value error, ") for each in found]
    return [visible(f"{place}: {word}", 300) for place, word in zip(places, words, strict=True)]


def read_model(path: Path, kind: type[Model], most: int, what: str) -> Model | list[str]:
    """Read a stranger's JSON file, in a child with limits, or list what is wrong with it, without the file's name.

    Args:
        path: The file.
        kind: Its model.
        most: Its most bytes.
        what: What it is, for messages: `card`.
    """
    try:
        if path.stat().st_size > most:
            return [_too_large(most, what)]
        return kind.model_validate_json(read_json(path, most))
    except OSError as error:
        return [f"cannot be read: {error.strerror}"]
    except MedshiftError as error:
        return [str(error)]
    except ValidationError as error:
        return all_problems(error)


def read_own(path: Path, kind: type[Model], most: int, what: str) -> Model:
    """Read a JSON file that the project or its user has written; arguments as for `read_model`.

    Raises:
        MedshiftError: It is missing, too large, damaged or of another schema.
    """
    try:
        if path.stat().st_size > most:
            raise MedshiftError(f"{path} {_too_large(most, what)}")
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MedshiftError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise MedshiftError(f"{path} is not a valid {what}: {first_problem(error)[:300]}") from error


def _too_large(most: int, what: str) -> str:
    size = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most >> 10} KiB"
    return f"is larger than {size}, the limit for a {what}"
