"""The options that say what a model takes and gives, and the same words in the metadata of a file."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping, Sequence
from typing import cast

from ....shifts.errors import MedshiftError
from .interface import Interface, Layout, Outputs, require

MOST = 16384  # pixels a side
NAMES = ("class_order", "classes", "class_names", "labels", "label_names", "names")  # keys of the order of the classes
KEYS = ("input_size", "input_channels", "range", "mean", "std", "layout", "outputs")
LARGEST = 1 << 16  # characters of one entry


def from_options(
    input_size: str = "",
    input_channels: int = 0,
    value_range: str = "",
    mean: str = "",
    std: str = "",
    layout: str = "",
    outputs: str = "",
    class_order: Sequence[str] = (),
) -> Interface:
    """Read the options as typed; empty ones are left open.

    Raises:
        MedshiftError: One of them has another form; the line names it.
    """
    sides = _numbers("input-size", input_size.replace("x", ","), "a side in pixels, or one per axis: 224 or 224,256")
    if any(side != int(side) or not 1 <= side <= MOST for side in sides):
        raise MedshiftError(f"--input-size {input_size}: use whole numbers from 1 to {MOST}")
    bounds = _numbers("range", value_range, "the values of black and white: 0,255")
    if bounds and (len(bounds) != 2 or bounds[0] == bounds[1]):
        raise MedshiftError(f"--range {value_range}: use two different numbers, the values of black and white: 0,255")
    means, deviations = (
        _numbers(name, text, "one number, or one per channel") for name, text in (("mean", mean), ("std", std))
    )
    if any(number <= 0 for number in deviations):
        raise MedshiftError(f"--std {std}: use numbers above 0")
    if input_channels < 0:
        raise MedshiftError(f"--input-channels {input_channels}: use 1 or 3")
    return Interface(
        input_size=tuple(int(side) for side in sides) or None,
        input_channels=input_channels or None,
        range=cast("tuple[float, float]", bounds) if bounds else None,
        mean=means or None,
        std=deviations or None,
        layout=cast("Layout", require("layout", layout, Layout)) if layout else None,
        outputs=cast("Outputs", require("outputs", outputs, Outputs)) if outputs else None,
        class_order=tuple(class_order) or None,
    )


def from_metadata(stated: Mapping[str, object], where: str) -> Interface:
    """Read what a file says of itself, under the names of the options or as class names are usually kept.

    Args:
        stated: The file's metadata: text, numbers, lists, or text that holds JSON.
        where: Named in errors.

    Raises:
        MedshiftError: An entry has another form than its option; the option overrides it.
    """
    plain = {str(key).lower().removeprefix("medshift.").replace("-", "_"): value for key, value in stated.items()}
    words = {key: _words(plain[key]) for key in KEYS if plain.get(key) not in (None, "")}
    named = next((found for key in NAMES if (found := _names(plain.get(key)))), ())
    channels = words.pop("input_channels", "")
    try:
        return from_options(
            input_size=words.get("input_size", ""),
            input_channels=int(float(channels)) if channels else 0,
            value_range=words.get("range", ""),
            mean=words.get("mean", ""),
            std=words.get("std", ""),
            layout=words.get("layout", ""),
            outputs=words.get("outputs", ""),
            class_order=named,
        )
    except (MedshiftError, ValueError, OverflowError) as error:
        raise MedshiftError(f"{where}: its metadata cannot be read: {error}") from None


def _numbers(name: str, text: str, form: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        raise MedshiftError(f"--{name} {text}: use {form}") from None
    if not all(map(math.isfinite, found)):
        raise MedshiftError(f"--{name} {text}: use {form}")
    return found


def _words(value: object) -> str:
    """Write a value as an option is typed: numbers separated by commas."""
    value = _parsed(value)
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _names(value: object) -> tuple[str, ...]:
    """Read names of classes: a list, text separated by commas, or number -> name."""
    value = _parsed(value)
    if isinstance(value, Mapping):
        by_number = {str(key): name for key, name in value.items()}
        if set(by_number) != {str(number) for number in range(len(by_number))}:
            return ()
        value = [by_number[str(number)] for number in range(len(by_number))]
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    return tuple(map(str, value)) if isinstance(value, list | tuple) and len(value) > 1 else ()


def _parsed(value: object) -> object:
    """Parse text that holds JSON or a Python literal; any other text stays text."""
    if not isinstance(value, str) or len(value) > LARGEST:
        return value
    for parse in (json.loads, ast.literal_eval):
        try:
            return cast("object", parse(value))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return value
