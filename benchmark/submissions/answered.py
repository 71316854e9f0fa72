"""The figures of a submission without the images that its model refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..scoring.answered import Answered, score_answered
from . import predictions

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
