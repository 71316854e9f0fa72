"""A model that exists already, as something that a run tests like a baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ....shifts.errors import MedshiftError
from ...contract.fitted import FittedModel, copied_or_shared
from ...contract.sees import Sees
from .checking import checked
from .interface import Interface, settle
from .opening import open_model
from .preparation import Prepared, Probabilities

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from ...datasets.dataset import Dataset
    from ...protocols.protocol import Protocol
    from .opened import Opened

LONGEST = 2000  # characters of a setting in a card


@dataclass(frozen=True)
class Statement:
    """What a model's user says of it.

    Args:
        interface: The options that say what it takes and gives.
        sees: What it has looked at.
        rejections: It may refuse images.
        trust: It may run code that its file holds.
        summary: One line about it.
    """

    interface: Interface = field(default_factory=Interface)
    sees: Sees = "source"
    rejections: bool = False
    trust: bool = False
    summary: str = ""


@dataclass(init=False, eq=False)
class BroughtModel(FittedModel):
    """A fitted model that was brought as a file or by name.

    Its fields are what the card records of it: where it comes from, and how images and outputs were prepared.
    """

    format: str
    file: str
    sha256: str
    input_size: str
    input_channels: int
    range: str
    mean: str
    std: str
    layout: str
    outputs: str
    class_order: str
    batch: int
    rejections: bool

    def __init__(
        self, model: Callable[[torch.Tensor], object], opened: Opened, to: Interface, statement: Statement
    ) -> None:
        super().__init__(model, statement.sees, rejections=statement.rejections, summary=statement.summary)
        self.format, self.file, self.sha256 = opened.format, opened.name, opened.sha256
        self.input_size = "x".join(map(str, to.input_size or ()))
        self.input_channels = to.input_channels or 0
        self.range, self.mean, self.std = (_listed(numbers) for numbers in (to.range, to.mean, to.std))
        self.layout, self.outputs, self.batch = to.layout or "", to.outputs or "", to.batch or 0
        self.class_order = ",".join(to.class_order or ())[:LONGEST]


def bring(
    model: str,
    statement: Statement,
    dataset: Dataset,
    protocol: Protocol,
    table: pd.DataFrame,
    device: torch.device,
) -> tuple[BroughtModel, list[str]]:
    """Open a model, settle what it takes and gives, and try it on source validation.

    Args:
        model: A file, a folder, `my_module:predict`, or a name of timm.
        statement: What its user says of it.
        dataset: The images, arranged as the protocol needs them.
        protocol: The protocol.
        table: Its truth with a column `row`.
        device: From `environment.prepare`.

    Returns:
        The model, and notes on what was read and understood.

    Raises:
        MedshiftError: The model cannot be opened, does not fit the data, or its outputs cannot be right.
    """
    opened = open_model(model, dataset, device, statement.interface.layout, trust=statement.trust)
    notes = [f"{opened.name}: {note}" for note in opened.notes]
    read = opened.stated.described()
    if read:
        notes.append(f"{opened.name} says: {', '.join(read)}")
    try:
        to = settle(statement.interface, opened.stated, protocol.image_shape, dataset.channels, dataset.classes)
    except MedshiftError as error:
        raise MedshiftError(f"{opened.name}: {error}") from None
    notes.append(f"{opened.name} gets: {', '.join(replace(to, outputs=None, class_order=None).described())}")
    # a copy is tried: what adapts to the images that it sees must not have seen these when it is tested
    tried = Prepared(copied_or_shared(opened.run), to, opened.name, len(dataset.classes))
    found, outputs, more = checked(
        tried,
        dataset,
        protocol,
        table,
        device,
        rejections=statement.rejections,
        by_image=statement.sees != "test-batches",
    )
    notes += [f"{opened.name}: {note}" for note in more]
    prepared = Prepared(opened.run, to, opened.name, len(dataset.classes))
    final = Probabilities(prepared, outputs, found.order)
    return BroughtModel(final, opened, replace(to, outputs=outputs), statement), notes


def _listed(numbers: tuple[float, ...] | None) -> str:
    return ",".join(f"{number:.9g}" for number in numbers or ())
