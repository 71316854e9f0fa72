"""What a method in a process of its own tells of its training, checked: it is as untrusted as the method."""

from __future__ import annotations

from typing import TypeVar

from ....shifts.errors import MedshiftError
from ..training_record import TrainingRecord
from ..weights_record import WeightsRecord

T = TypeVar("T", TrainingRecord, WeightsRecord)


def training_of(told: object) -> TrainingRecord:
    """Make the record of a training."""
    return _made(TrainingRecord, told, "a training")


def weights_of(told: object) -> WeightsRecord:
    """Make the record of pretrained weights."""
    return _made(WeightsRecord, told, "pretrained weights")


def _made(kind: type[T], told: object, what: str) -> T:
    from pydantic import TypeAdapter, ValidationError

    try:
        made: T = TypeAdapter(kind).validate_python(told)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise MedshiftError(f"the method's record of {what} is invalid: {where}: {fault['msg']}"[:300]) from None
    return made
