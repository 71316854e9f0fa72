"""The record of a training on the source: how long it was, and how losses and figure moved on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, TypeAlias

#: One evaluation, in the order of the columns of `Curve`.
Evaluation: TypeAlias = tuple[int, float, int, float, float, float, float | None, float]


@dataclass(frozen=True)
class Curve:
    """The course of one training: a value per evaluation in every column, all of the same length.

    `pandas.DataFrame(curve.columns)` is a table with one row per evaluation.

    Args:
        metric: Name of the figure on source validation.
        step: Optimiser steps that were done.
        epoch: Passes over the training images of the source: `images` divided by their number.
        images: Training images of the source seen so far, repeated ones included.
        learning_rate: That of the last step.
        training_loss: Mean loss of the batches since the evaluation before, as the method defines its loss.
        validation_loss: Cross-entropy on source validation, each class weighted by its inverse frequency in training.
        validation_figure: The metric on source validation, from the same predictions; None where it is undefined.
        seconds: Since the training began, evaluations included; of one that was resumed, the sum over its processes.
    """

    metric: str
    step: tuple[int, ...]
    epoch: tuple[float, ...]
    images: tuple[int, ...]
    learning_rate: tuple[float, ...]
    training_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    validation_figure: tuple[float | None, ...]
    seconds: tuple[float, ...]

    @classmethod
    def of_rows(cls, metric: str, rows: Iterable[Evaluation]) -> Self:
        """Make a curve of at least one evaluation."""
        return cls(metric, *zip(*rows, strict=True))

    @classmethod
    def of_columns(cls, metric: str, columns: Mapping[str, Sequence[Any]]) -> Self:
        """Make a curve of lists, as files hold them."""
        return cls(metric, **{name: tuple(columns[name]) for name in COLUMNS})

    @property
    def columns(self) -> dict[str, tuple[float | None, ...]]:
        """The columns by name, in order."""
        return {name: getattr(self, name) for name in COLUMNS}

    @property
    def losses(self) -> tuple[tuple[int, float], ...]:
        """(step, loss on source validation) of every evaluation, in order."""
        return tuple(zip(self.step, self.validation_loss, strict=True))


COLUMNS = tuple(field.name for field in fields(Curve) if field.name != "metric")


@dataclass(frozen=True)
class TrainingRecord:
    """The record of one training.

    Args:
        steps: Optimiser steps of the whole schedule.
        losses: (step, loss on source validation) of every evaluation, in order; the last one is where training ended.
        curve: The whole course, of which `losses` is a part; None if the method records no more than losses.
    """

    steps: int
    losses: tuple[tuple[int, float], ...]
    curve: Curve | None = None

    def __post_init__(self) -> None:
        """Refuse a training that ran for longer than its schedule: a card with it would be refused."""
        if self.losses and self.run > self.steps:
            raise ValueError(f"a training of {self.steps} steps cannot have an evaluation at step {self.run}")

    @classmethod
    def of_curve(cls, steps: int, curve: Curve) -> Self:
        """Make the record of a training whose whole course is known."""
        return cls(steps, curve.losses, curve)

    @property
    def run(self) -> int:
        """Steps that were run; fewer than `steps` if training was stopped early."""
        return self.losses[-1][0]

    @property
    def kept(self) -> int:
        """Step of the lowest loss."""
        return min(self.losses, key=lambda each: (each[1], each[0]))[0]
