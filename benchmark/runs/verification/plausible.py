"""Refuse to run a submission again whose card asks for an absurdly long or large run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ....shifts.errors import MedshiftError
from ...contract import registry

if TYPE_CHECKING:
    from ...contract.registry import Baseline
    from ...protocols.protocol import Protocol
    from ...submissions.card import Card

MOST_UNSTATED = 1_000_000  # of a number for which its baseline states no largest ordinary value
MOST_DRAWS = 200
MOST_THREADS = 1024
MOST_PIXELS = 5e12  # in all: the standard length at 224 pixels has 5e9
LEAST_SIDE = 64  # to which images are resized at least
WAY_OUT = "give --force to run it anyway"


def require_plausible(card: Card, baseline: Baseline, protocol: Protocol, images: int) -> None:
    """Refuse a card whose run would be longer or larger than any that has a reason.

    Its numbers are held against what the baseline states (`search_space.at_most`), its number of steps against the
    training that it records, and all together against the number of pixels that pass through the network.

    Args:
        card: The card.
        baseline: Its baseline, with its hyper-parameters.
        protocol: Its protocol.
        images: Number of images of the data set.

    Raises:
        MedshiftError: A value is too large; the line says which, the limit, and the option that allows it.
    """
    stated = registry.ordinary(baseline)
    for key, value in registry.config(baseline).items():
        if not isinstance(value, bool | str | None):
            _require(key, value, stated.get(key, MOST_UNSTATED))
    draws = card.tuning.draws if card.tuning and card.tuning.searched else 1
    _require("draws", draws, MOST_DRAWS)
    _require("threads", card.environment.threads, MOST_THREADS)
    _require_recorded(card, baseline)
    _require_affordable(baseline, protocol, images, draws)


def _require(key: str, value: float, most: float) -> None:
    if not value <= most:  # NaN, too
        raise MedshiftError(f"the card asks for {key}={value:,}, and at most {most:,} is run again: {WAY_OUT}")


def _require_recorded(card: Card, baseline: Baseline) -> None:
    """Hold the number of steps against the recorded training, of a baseline that is trained by steps."""
    steps = getattr(baseline, "length", None)
    if card.training and isinstance(steps, int) and steps > card.training.steps:
        raise MedshiftError(
            f"the card asks for {steps:,} steps, but records a training of {card.training.steps:,}: {WAY_OUT}"
        )


def _require_affordable(baseline: Baseline, protocol: Protocol, images: int, draws: int) -> None:
    """Hold all settings together against the pixels that pass through the network, where the baseline counts passes."""
    count = getattr(baseline, "passes", None)
    if not callable(count):
        return
    shape = protocol.dataset.image_size
    side = getattr(baseline, "input_size", 0)
    pixels = side ** len(shape) if side else math.prod(max(LEAST_SIDE, length) for length in shape)
    whole = float(count(images)) * pixels * draws
    if whole > MOST_PIXELS:
        raise MedshiftError(
            f"the card asks for a training on {whole:.2g} pixels (steps x batch size x image size x draws); "
            f"at most {MOST_PIXELS:g} are run again: {WAY_OUT}"
        )
