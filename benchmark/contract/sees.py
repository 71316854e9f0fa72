"""Access levels: how much of the target a method may look at. The leaderboard groups by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Sees = Literal["source", "target-unlabelled", "test-batches"]
SEES: tuple[Sees, ...] = get_args(Sees)
MEANS: Mapping[Sees, str] = {
    "source": "labelled source images alone",
    "target-unlabelled": "also unlabelled images of the targets' adaptation splits",
    "test-batches": "also the unlabelled test stream, batch by batch, forgotten after each condition",
}
