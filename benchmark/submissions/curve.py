"""`curve.json`: the course of the training behind a submission, one value per evaluation in every column.

It holds more than predictions need, and its seconds differ from run to run, so it is a file of its own beside the card,
which names it by hash. Losses are in one place only: a card that names a curve holds none itself, and older cards,
which hold losses, name no curve.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ...shifts.errors import MedshiftError, near
from ..contract.training_record import COLUMNS, Curve
from ..files.atomic import sha256, sha256_with_unix_ends, write_text
from ..files.schema import Strict, first_of, read_model
from ..scoring.metrics import METRICS
from . import card as cards
from .card import CARD_FILE, CURVE_FILE, MOST_EVALUATIONS, Card, CurveClaim
from .fields import CHANGED_ENDS

LARGEST_CURVE = 2 << 20  # bytes: ten thousand evaluations fit

Count = Annotated[int, Field(ge=1, lt=2**63)]
Positive = Annotated[float, Field(ge=0)]


class CurveFile(Strict):
    """What the file holds; see `Curve` for the columns."""

    schema_: Literal["medshift-curve/1"] = Field(default="medshift-curve/1", alias="schema")
    metric: str = Field(max_length=200)
    step: tuple[Count, ...] = Field(min_length=1, max_length=MOST_EVALUATIONS)
    epoch: tuple[Positive, ...] = Field(max_length=MOST_EVALUATIONS)
    images: tuple[Count, ...] = Field(max_length=MOST_EVALUATIONS)
    learning_rate: tuple[Positive, ...] = Field(max_length=MOST_EVALUATIONS)
    training_loss: tuple[float, ...] = Field(max_length=MOST_EVALUATIONS)
    validation_loss: tuple[float, ...] = Field(max_length=MOST_EVALUATIONS)
    validation_figure: tuple[float | None, ...] = Field(max_length=MOST_EVALUATIONS)
    seconds: tuple[Positive, ...] = Field(max_length=MOST_EVALUATIONS)


def write(curve: Curve, folder: Path) -> CurveClaim:
    """Write `curve.json` into a folder, atomically, and return what the card says of it. Call it before the card's."""
    head = {"schema": "medshift-curve/1", "metric": curve.metric}
    fields = {**head, **{name: list(values) for name, values in curve.columns.items()}}
    # one line per column: a difference shows which columns changed
    lines = [f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in fields.items()]
    write_text(folder / CURVE_FILE, "{\n " + ",\n ".join(lines) + "\n}\n")
    return CurveClaim(sha256=sha256(folder / CURVE_FILE), rows=len(curve.step))


def parse(path: Path) -> Curve | str:
    """Read the curve in a file, or return what is wrong with it."""
    found = read_model(path, CurveFile, LARGEST_CURVE, "curve")
    if isinstance(found, list):
        return first_of(found)
    curve = Curve.of_columns(found.metric, {name: getattr(found, name) for name in COLUMNS})
    return _fault(curve) or curve


def read_curve(folder: str | Path) -> Curve | None:
    """Read the course of the training behind a submission.

    Args:
        folder: The submission.

    Returns:
        The curve; None if the card names none: the method is not trained by steps, the predictions were made outside
        medshift, or the submission is older than curves.

    Raises:
        MedshiftError: The card or the curve is damaged, or one does not belong to the other.
    """
    folder = Path(folder)
    curve, found = examine(folder, cards.read(folder))
    if found:
        raise MedshiftError(f"{folder}: {found[0]}")
    return curve


def examine(folder: Path, card: Card) -> tuple[Curve | None, list[str]]:
    """Return the curve of a submission, None if it has none or a bad one, and its problems, at most one."""
    path, claim, training = folder / CURVE_FILE, card.curve, card.training
    there = path.exists() or path.is_symlink()
    if claim is None:
        return None, [f"{CURVE_FILE} is not named in {CARD_FILE}: remove it"] if there else []
    if not there:
        return None, [f"{CURVE_FILE} is missing, but {CARD_FILE} names it"]
    if path.is_symlink() or not path.is_file():
        return None, []  # said of every file of the folder
    if training is None:
        return None, [f"{CARD_FILE}: names {CURVE_FILE}, but has no training"]
    if training.losses:
        return None, [f"{CARD_FILE}: training.losses repeat {CURVE_FILE}: leave them out"]
    if path.stat().st_size <= LARGEST_CURVE and sha256(path) != claim.sha256:
        why = CHANGED_ENDS if sha256_with_unix_ends(path) == claim.sha256 else "its sha256 differs"
        return None, [f"{CURVE_FILE} does not match the card: {why}"]
    curve = parse(path)
    if isinstance(curve, str):
        return None, [f"{CURVE_FILE}: {curve}"]
    must_agree = [
        ("curve.rows", claim.rows, len(curve.step)),
        ("training.run", training.run, curve.step[-1]),
    ]
    for name, have, want in must_agree:
        if have != want:
            return None, [f"{CARD_FILE}: {name} is {have}, but {want} by {CURVE_FILE}"]
    if training.kept not in curve.step:
        return None, [f"{CARD_FILE}: training.kept is {training.kept}, at which {CURVE_FILE} has no evaluation"]
    return curve, []


def _fault(curve: Curve) -> str:
    """Return what is wrong with a curve whose values are of the right kinds; empty if nothing is."""
    for name, values in curve.columns.items():
        if len(values) != len(curve.step):
            return f"column {name!r} has {len(values)} values, but 'step' has {len(curve.step)}"
    if any(later <= step for step, later in pairwise(curve.step)):
        return "column 'step' does not increase"
    for name in ("epoch", "images", "seconds"):
        if any(later < value for value, later in pairwise(getattr(curve, name))):
            return f"column {name!r} decreases"
    if curve.metric not in METRICS:
        return f"unknown metric {curve.metric[:80]!r}.{near(curve.metric[:80], METRICS)}"
    figures = [figure for figure in curve.validation_figure if figure is not None]
    most = METRICS[curve.metric].most
    if figures and (min(figures) < 0 or max(figures) > most):
        return f"column 'validation_figure' leaves 0 to {most:g}, the range of {curve.metric}"
    if figures and len(figures) < len(curve.step):
        return "column 'validation_figure' is undefined in part: its labels are the same at every evaluation"
    return ""
