"""Whether a rerun leaves the records that a submission has of its training, which predictions do not show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...submissions.card import Card
from ...submissions.curve import read_curve

ROUNDED = ("score", "training_loss", "validation_loss", "validation_figure")  # what rounding reaches
SAME = 1e-6  # relative or absolute: the last bits of a sum in float32
CLOSE = 0.05  # of these, where predictions agree within the tolerance


def record_differences(folder: Path, theirs: Card, again: Path, ours: Card, *, exact: bool) -> list[str]:
    """List what a submission records otherwise than its rerun: draws, steps, curve, weights, refused images, maker.

    Seconds are their author's word, and what an older card does not record is not missed.

    Args:
        folder: The submission.
        theirs: Its card.
        again: The rerun.
        ours: Its card.
        exact: Whether the predictions are the same, which leaves no room for rounding.
    """
    then, now = _records(folder, theirs), _records(again, ours)
    then["distribution"], now["distribution"] = (_maker(each) for each in (theirs, ours))
    close = SAME if exact else CLOSE
    return [line for name in then for line in list(_differing(name, then[name], now.get(name), close))[:1]]


def _records(folder: Path, card: Card) -> dict[str, Any]:
    """Gather the records of a submission; the course of the training from wherever its version keeps it."""
    found: dict[str, Any] = {
        name: getattr(card, name).model_dump() for name in ("tuning", "training", "weights") if getattr(card, name)
    }
    if card.rejections:
        found["rejections"] = card.rejections
    losses = found.get("training", {}).pop("losses", ())
    curve = read_curve(folder)
    if curve is not None:
        columns = {name: values for name, values in curve.columns.items() if name != "seconds"}
        found["curve"] = {"metric": curve.metric, **columns}
    elif losses:
        found["curve"] = dict(zip(("step", "validation_loss"), zip(*losses, strict=True), strict=True))
    return found


def _maker(card: Card) -> str:
    """Return the distribution of a card's method without its version, which may be another here."""
    return card.baseline.distribution.split()[0]


def _differing(where: str, theirs: object, ours: object, close: float) -> Iterator[str]:
    """Yield where a record differs, and how; only what is claimed is compared."""
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        for key, value in theirs.items():
            yield from _differing(f"{where}.{key}", value, ours.get(key), close)
    elif isinstance(theirs, tuple) and isinstance(ours, tuple) and len(theirs) == len(ours):
        for number, (then, now) in enumerate(zip(theirs, ours, strict=True)):
            yield from _differing(f"{where}[{number}]", then, now, close)
    elif not _agree(where, theirs, ours, close):
        yield f"{where}: {_shown(theirs)} then, {_shown(ours)} now"


def _agree(where: str, theirs: object, ours: object, close: float) -> bool:
    if isinstance(theirs, float) and isinstance(ours, int | float):
        near = close if where.partition("[")[0].rpartition(".")[2] in ROUNDED or where.endswith(".score") else SAME
        return math.isclose(theirs, ours, rel_tol=near, abs_tol=near)
    return theirs == ours


def _shown(value: object) -> str:
    what = f"{len(value)} values" if isinstance(value, tuple) else "none" if value is None else f"{value}"
    return what if len(what) <= 80 else f"{what[:77]}..."
