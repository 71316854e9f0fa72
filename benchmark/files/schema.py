"""The base model of every file format."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ...shifts.errors import MedshiftError
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


def read_model(path: Path, model: type[Model], largest: int, what: str) -> Model:
    """Read a file of JSON that is not a stranger's; those are read in a child (`bounded.json_text`).

    Args:
        path: The file.
        model: What it holds.
        largest: Its most bytes.
        what: The kind of file, for messages.

    Raises:
        MedshiftError: It is missing, too large, damaged or of another schema.
    """
    try:
        if path.stat().st_size > largest:
            raise MedshiftError(f"{path} is larger than {largest >> 20} MiB, the limit for a {what}")
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MedshiftError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise MedshiftError(f"{path} is not a valid {what}: {first_problem(error)}") from error


def first_problem(error: ValidationError) -> str:
    """Format the first validation error as `field: message`, in printable characters, and count the others."""
    told = all_problems(error)
    more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
    return f"{told[0]}{more}"


def all_problems(error: ValidationError) -> list[str]:
    """Format all validation errors, each as `field: message`; names of unknown fields may hold anything."""
    found = error.errors(include_url=False, include_input=False)
    places = [".".join(visible(str(part), 80) for part in each["loc"]) or "the file" for each in found]
    words = [each["msg"].removeprefix("Value error, ") for each in found]
    return [visible(f"{place}: {word}", 300) for place, word in zip(places, words, strict=True)]
