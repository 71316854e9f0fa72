"""The base model of every file format."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .text import fault, visible

Text = TypeVar("Text", bound=str)


class Strict(BaseModel):
    """Base model of what is read from files: no extra fields, immutable, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def printable(text: Text) -> Text:
    """Return a text that is held to printable characters (`text.fault`); for `pydantic.AfterValidator`.

    Raises:
        ValueError: It holds others.
    """
    why = fault(text, len(text))
    if why:
        raise ValueError(why)
    return text


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
