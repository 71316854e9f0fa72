"""What a model takes and gives: from the user's options, from its file, or by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias, cast, get_args

from ....shifts.errors import MedshiftError
from ...files.wording import plural

Layout: TypeAlias = Literal["NCHW", "NHWC"]
Outputs: TypeAlias = Literal["logits", "probabilities", "score"]
LISTED = 8  # classes named in one line
WHOLE = (0.0, 255.0)  # values of black and white of 8 bits


@dataclass(frozen=True)
class Interface:
    """The input and output of a model; None where it is not known.

    Args:
        input_size: Side of the input in pixels or voxels, one per spatial axis.
        input_channels: Channels of the input.
        range: Values that stand for black and white.
        mean: Subtracted from these values, one per channel or one for all.
        std: Divides the result.
        layout: `NCHW`, channels first, or `NHWC`, last; volumes have one more axis.
        outputs: `logits`, `probabilities`, or `score`: the probability of the second of two classes alone.
        class_order: The data's classes in the order of the outputs.
        batch: Number of images that the model takes at once; 0 for any.
        whole: It takes whole numbers, 0 to 255.
        fixed: Names of the fields that the model itself fixes, by the shape of its input: no option changes them.
    """

    input_size: tuple[int, ...] | None = None
    input_channels: int | None = None
    range: tuple[float, float] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    layout: Layout | None = None
    outputs: Outputs | None = None
    class_order: tuple[str, ...] | None = None
    batch: int | None = None
    whole: bool | None = None
    fixed: tuple[str, ...] = ()

    def described(self) -> list[str]:
        """Describe what is known, one phrase each."""
        size = f"input size {' x '.join(map(str, self.input_size))}" if self.input_size else ""
        channels = plural(self.input_channels, "channel") if self.input_channels else ""
        values = f"values {_text(self.range)}" if self.range else ""
        mean = f"mean {_text(self.mean)}" if self.mean else ""
        std = f"std {_text(self.std)}" if self.std else ""
        order = f"classes {', '.join(self.class_order[:LISTED])}" if self.class_order else ""
        batch = f"batches of {self.batch}" if self.batch else ""
        whole = "whole numbers" if self.whole else ""
        return [
            part for part in (size, channels, values, mean, std, self.layout, self.outputs, order, batch, whole) if part
        ]


def settle(
    given: Interface, stated: Interface, spatial: Sequence[int], channels: int, classes: Sequence[str]
) -> Interface:
    """Complete an interface: options first, then what the file states, then the images as they are.

    `outputs` stays None if neither states them: they are then recognised by their values.

    Args:
        given: The user's options.
        stated: What the file says.
        spatial: Size of the images.
        channels: Channels of the images.
        classes: The data's classes.

    Raises:
        MedshiftError: An option contradicts the file, or does not fit the images or the classes.
    """
    for name in stated.fixed:
        ours, theirs = _sized(name, getattr(given, name), spatial), _sized(name, getattr(stated, name), spatial)
        if ours is not None and theirs is not None and ours != theirs:
            option = f"--{name.replace('_', '-')}"
            raise MedshiftError(f"{option} {_text(ours)}: the model itself says {_text(theirs)}: leave the option out")
    values = {
        field.name: own if (own := getattr(given, field.name)) is not None else getattr(stated, field.name)
        for field in fields(Interface)
    }
    made = Interface(**values)
    size = cast("tuple[int, ...] | None", _sized("input_size", made.input_size, spatial)) or tuple(spatial)
    taken = made.input_channels or channels
    if taken != channels and (channels, taken) not in ((1, 3), (3, 1)):
        raise MedshiftError(
            f"the model takes {plural(taken, 'channel')} and the images have {channels}: only grey is made colour "
            "(1 to 3), and colour grey (3 to 1)"
        )
    for name, numbers in (("mean", made.mean), ("std", made.std)):
        if numbers and len(numbers) not in (1, taken):
            raise MedshiftError(f"--{name} has {plural(len(numbers), 'number')}, and the model takes {taken} channels")
    order = _order(given.class_order, stated.class_order, classes)
    values_of = made.range or (WHOLE if made.whole else (0.0, 1.0))
    _require_values(made, values_of)
    return replace(
        made,
        input_size=size,
        input_channels=taken,
        range=values_of,
        layout=made.layout or "NCHW",
        class_order=order,
        batch=made.batch or 0,
        whole=bool(made.whole),
    )


def _require_values(made: Interface, bounds: tuple[float, float]) -> None:
    """Raise MedshiftError if mean and range do not go together, or not with whole numbers."""
    if made.whole:
        others = [
            *([f"range {_text(bounds)}"] if bounds != WHOLE else []),
            *([f"mean {_text(made.mean)}"] if any(made.mean or ()) else []),
            *([f"std {_text(made.std)}"] if any(number != 1 for number in made.std or ()) else []),
        ]
        if others:
            raise MedshiftError(
                f"the model takes whole numbers from 0 to 255, which {others[0]} would make others: leave --range, "
                "--mean and --std out (or, if its file says so: --range 0,255 --mean 0 --std 1)"
            )
    low, high = sorted(bounds)
    outside = [number for number in made.mean or () if number and not low <= number <= high]
    if outside:
        raise MedshiftError(
            f"mean {outside[0]:g} lies outside the values of black and white, {_text(bounds)}: which values is it of? "
            "--range 0,255 if of 8 bits"
        )


def _order(
    given: tuple[str, ...] | None, stated: tuple[str, ...] | None, classes: Sequence[str]
) -> tuple[str, ...] | None:
    """Return the classes in the model's order, spelt as the data have them; None if neither states it."""
    for names, option in ((given, True), (stated, False)):
        if names is None:
            continue
        by_name = {name.strip().casefold(): name for name in classes}
        found = [by_name.get(name.strip().casefold()) for name in names]
        if sorted(filter(None, found)) == sorted(classes) and len(found) == len(classes):
            return tuple(cast("list[str]", found))
        theirs, ours = ", ".join(names[:LISTED]), ", ".join(classes[:LISTED])
        if option:
            numbers = [int(name) if name.strip().isdecimal() else -1 for name in names]
            if sorted(numbers) == list(range(len(classes))):  # names may hold commas, which separate them here
                return tuple(classes[number] for number in numbers)
            raise MedshiftError(
                f"--class-order {theirs}: name each of the data's classes once: {ours}; or give their numbers, from 0, "
                f"such as {','.join(map(str, reversed(range(min(len(classes), LISTED)))))}"
            )
        if len(names) != len(classes):
            raise MedshiftError(f"the model has {len(names)} classes ({theirs}), and the data {len(classes)} ({ours})")
        raise MedshiftError(
            f"the model names its classes {theirs}, and the data {ours}: give the data's names in the model's order "
            "with --class-order"
        )
    return None


def _sized(name: str, value: object, spatial: Sequence[int]) -> object:
    """Return a size with one number per axis; any other value as it is."""
    if name != "input_size" or value is None:
        return value
    sides = cast("tuple[int, ...]", value)
    sides = sides * len(spatial) if len(sides) == 1 else sides
    if len(sides) != len(spatial):
        raise MedshiftError(
            f"the model takes {len(sides)} spatial axes ({_text(sides)}), and the "
            f"images have {len(spatial)} ({_text(tuple(spatial))})"
        )
    return sides


def require(name: str, value: str, among: object) -> str:
    """Return the value of an option that takes one of a few words, in the case of that word.

    Raises:
        MedshiftError: It is another word.
    """
    words = {word.casefold(): word for word in get_args(among)}
    if value.strip().casefold() not in words:
        raise MedshiftError(f"--{name} {value}: choose one of {', '.join(words.values())}")
    return cast("str", words[value.strip().casefold()])


def _text(numbers: object) -> str:
    if isinstance(numbers, tuple):
        return (
            " x ".join(map(str, numbers))
            if all(isinstance(n, int) for n in numbers)
            else ",".join(f"{n:g}" for n in numbers)
        )
    return str(numbers)
