"""The images that a submission's model refused: their number against the card, and the figures without them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..scoring.answered import Answered, score_answered
from . import predictions
from .card import CARD_FILE, Card

if TYPE_CHECKING:
    import pandas as pd

    from ..protocols.protocol import Protocol
    from ..scoring.scores import Scores


def answered_scores(folder: Path, protocol: Protocol, truth: pd.DataFrame, strict: Scores) -> Answered | None:
    """Score a submission without refused images; None if it has none.

    Args:
        folder: The submission.
        protocol: Its protocol.
        truth: The protocol's truth.
        strict: Its scores with refused images as wrong answers.
    """
    seen = predictions.read_all(folder / predictions.PREDICTIONS_FILE, protocol, truth)
    return score_answered(protocol, truth, seen.arrays, seen.rejected, strict) if seen.rejected else None


def rejection_problems(card: Card, inside: predictions.Inspected) -> list[str]:
    """List a claimed number of refused images that is not that of the predictions."""
    have, claimed = inside.refused, card.rejections or {}
    differing = sorted(key for key in {*have, *claimed} if have.get(key, 0) != claimed.get(key, 0))
    if not differing:
        return []
    key = differing[0]
    theirs, ours = claimed.get(key, 0), have.get(key, 0)
    return [f"{CARD_FILE}: rejections of {key[:80]!r} are {theirs}, the predictions have {ours}"]
