"""Try a model on source validation before anything long: shape, numbers, range, classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ....shifts.errors import MedshiftError
from ...files.wording import plural
from ...runs.stream import condition_batches, test_stream
from ...submissions.predictions import SUM_TOLERANCE
from ..column_order import order_doubt
from .interface import LISTED, Interface, Outputs
from .preparation import Prepared, Probabilities, to_probabilities

if TYPE_CHECKING:
    import pandas as pd

    from ...datasets.dataset import Dataset
    from ...protocols.protocol import Protocol

TRIED = 256  # images of source validation, drawn by a hash of their names
SAME = 1e-6  # outputs that differ by less are the same
SAME_PROBABILITY = 1e-4  # probabilities that do, whatever the scale of the outputs
ALONE = 12  # of them are also predicted one by one, which takes longer
SAME_ALONE = 0.01  # in probability; models in 16 bits round differently in batches of other sizes
VALUES = "a wrong range of values, most often: what are black and white? --range 0,255, or --mean and --std"


def checked(
    prepared: Prepared,
    dataset: Dataset,
    protocol: Protocol,
    table: pd.DataFrame,
    device: torch.device,
    *,
    rejections: bool,
    by_image: bool,
) -> tuple[Probabilities, Outputs, list[str]]:
    """Predict images of source validation, and settle what the outputs are.

    Args:
        prepared: The model, with a settled interface.
        dataset: The images, arranged as the protocol needs them.
        protocol: The protocol.
        table: Its truth with a column `row`.
        device: Where it predicts.
        rejections: The model may refuse images.
        by_image: It must predict an image the same whatever else is in the batch.

    Returns:
        The model with outputs as probabilities; what its outputs are; and notes on what was understood.

    Raises:
        MedshiftError: Its outputs cannot be right.
    """
    (validation,) = (condition for condition in protocol.conditions() if condition.kind == "validation")
    rows = test_stream(protocol, table, validation).iloc[:TRIED]
    given, few = [], torch.empty(0)
    for images in condition_batches(dataset, rows, protocol, validation, device):
        few = few if len(few) else images[:ALONE].clone()
        given.append(prepared(images).cpu())
    made = _stacked(given)
    name, classes = prepared.name, dataset.classes
    refused = made.isnan().all(1)
    _require_numbers(name, made, refused, rejections=rejections)
    answered = made[~refused]
    _require_different(name, "outputs", answered, SAME)
    outputs, notes = _outputs(name, answered, prepared.interface, classes)
    order = _order(prepared.interface, classes)
    found = Probabilities(prepared, outputs, order)
    if by_image:
        _require_by_image(name, found, few)
    probabilities = to_probabilities(answered, outputs)[:, list(order)].numpy()
    _require_different(name, "probabilities", torch.from_numpy(probabilities), SAME_PROBABILITY)
    labels = rows["label"].to_numpy(dtype=np.int64)[~refused.numpy()]
    doubt = order_doubt(labels, probabilities, classes)
    if doubt and prepared.interface.class_order is None:
        # names with commas cannot be typed: numbers stand for all
        names = tuple(map(str, range(len(classes)))) if any("," in each for each in classes) else classes
        other = ",".join(names[::-1]) if len(names) == 2 else "NAME,NAME,..."
        raise MedshiftError(
            f"{name}: {doubt}; give the order of the model's outputs with --class-order {other}, or confirm this one "
            f"with --class-order {','.join(names)}"
        )
    seen = f"tried on {plural(len(rows), 'image')} of source validation"
    notes += [f"{seen}: {plural(int(refused.sum()), 'image')} refused"] if refused.any() else [seen]
    return found, outputs, [*notes, *([f"warning: {doubt}"] if doubt else [])]


def _require_by_image(name: str, found: Probabilities, images: Tensor) -> None:
    """Raise MedshiftError if a model predicts an image otherwise with others in the batch, or after them."""
    whole = found(images)
    others = (found(images.flip(0)).flip(0), torch.cat([found(image[None]) for image in images]))
    # a refused image is NaN, and must be refused either way
    apart = max(float((whole.nan_to_num(2) - other.nan_to_num(2)).abs().max()) for other in others)
    if apart > SAME_ALONE:
        raise MedshiftError(
            f"{name} predicts an image differently with others in the batch, by up to {min(apart, 1):.2g}: predict "
            "each by itself (a network after eval(), nothing random), or declare what it looks at: --sees test-batches"
        )


def _require_different(name: str, what: str, rows: Tensor, least: float) -> None:
    """Raise MedshiftError if rows of several images are the same."""
    if len(rows) > 1 and bool((rows.max(0).values - rows.min(0).values).max() < least):
        shown = ", ".join(f"{value:.3g}" for value in rows[0][:LISTED].tolist())
        raise MedshiftError(f"{name} gives the same {what} ({shown}) for all of {len(rows)} different images: {VALUES}")


def _stacked(batches: list[Tensor]) -> Tensor:
    """Join outputs; a batch in which all is refused may not know how many numbers there are per image."""
    width = min(batch.shape[1] for batch in batches)
    return torch.cat([batch[:, :width] if bool(batch.isnan().all()) else batch for batch in batches])


def _require_numbers(name: str, made: Tensor, refused: Tensor, *, rejections: bool) -> None:
    """Raise MedshiftError if outputs are not numbers, or all images are refused."""
    if rejections and bool(refused.all()):
        raise MedshiftError(f"{name} refuses all of {plural(len(made), 'image')} of source validation: {VALUES}")
    wrong = ~made.isfinite().all(1) & ~(refused & rejections)
    if bool(wrong.any()):
        count = f"{int(wrong.sum())} of {plural(len(made), 'image')} of source validation"
        hint = "" if rejections else "; if NaN says that it cannot process an image, give --rejections"
        raise MedshiftError(f"{name} gives NaN or infinite values for {count}: {VALUES}{hint}")


def _outputs(name: str, rows: Tensor, interface: Interface, classes: tuple[str, ...]) -> tuple[Outputs, list[str]]:
    """Return the kind of the outputs: as the user or the file says, else recognised by their values, with a note.

    Raises:
        MedshiftError: Their number is not that of the classes, or they are not what the user or the file says.
    """
    count, said = rows.shape[1], interface.outputs
    listed = ", ".join(classes[:LISTED])
    if count != len(classes) and not (count == 1 and len(classes) == 2):
        raise MedshiftError(
            f"{name} gives {plural(count, 'number')} per image, and the data have {len(classes)} classes ({listed})"
        )
    low, high = float(rows.min()), float(rows.max())
    inside, span = low >= 0 and high <= 1, f"values from {low:.4g} to {high:.4g}"
    summing = inside and bool(((rows.double().sum(1) - 1).abs() <= SUM_TOLERANCE).all())
    if count == 1:
        if said == "probabilities" or (said == "score" and not inside) or (said is None and not inside):
            raise MedshiftError(
                f"{name} gives one number per image, {span}: --outputs logits takes its sigmoid, --outputs score the "
                f"number itself, between 0 and 1, as the probability of {classes[-1]!r}"
            )
        meaning = (interface.class_order or classes)[-1]
        return said or "score", [
            f"its one output is taken as the {'logit' if said == 'logits' else 'probability'} of {meaning!r}"
        ]
    sums = rows.double().sum(1)
    if low >= 0 and not inside and bool(((sums - sums.mean()).abs() <= SUM_TOLERANCE * sums.mean()).all()):
        raise MedshiftError(
            f"{name} gives {span} that sum to {float(sums.mean()):.4g} in every row, which look like probabilities on "
            "another scale, such as percent: export it such that they sum to 1"
        )
    if said == "score":
        raise MedshiftError(f"{name} gives {count} numbers per image: --outputs logits or probabilities, not score")
    if said == "probabilities" and not summing:
        raise MedshiftError(
            f"{name} gives {span}, not probabilities that sum to 1: --outputs logits, if a softmax is left out"
        )
    if said == "logits" and summing:
        raise MedshiftError(
            f"{name} gives {span} that sum to 1, which are probabilities, and a softmax of them is not what it means: "
            "leave --outputs logits out"
        )
    if said is None and inside and not summing:
        raise MedshiftError(
            f"{name} gives {span} that do not sum to 1: export it with a softmax, or give --outputs logits if these "
            "are not probabilities yet"
        )
    guessed: Outputs = "probabilities" if summing else "logits"
    why = "they sum to 1" if summing else span
    return said or guessed, [] if said else [f"its outputs are taken as {guessed}: {why}"]


def _order(interface: Interface, classes: tuple[str, ...]) -> tuple[int, ...]:
    """Return the place of each class of the data among the outputs."""
    return tuple((interface.class_order or classes).index(name) for name in classes)
