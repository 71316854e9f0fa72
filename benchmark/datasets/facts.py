"""What a leaderboard needs to know of a data set without having it."""

from __future__ import annotations

from pydantic import Field

from ..files.schema import Strict


class DatasetFacts(Strict):
    """What a leaderboard needs to know of a data set without having it.

    Args:
        name: Its name.
        version: Its version; other pixels or labels need another.
        classes: Names of the labels 0..K-1.
        modality: One of the modalities of the shifts.
        channels: Native channels.
        image_size: Spatial shape.
        simulated: Whether the images come from a simulator; said wherever results are shown.
        licence: Terms of use.
        citation: What to cite.
    """

    name: str = Field(min_length=1, max_length=200)
    version: str = Field(min_length=1, max_length=80)
    classes: tuple[str, ...] = Field(min_length=2, max_length=1000, strict=False)
    modality: str = Field(max_length=80)
    channels: int = Field(ge=1)
    image_size: tuple[int, ...] = Field(min_length=2, max_length=3, strict=False)
    simulated: bool = False
    licence: str = Field(default="", max_length=4000)
    citation: str = Field(default="", max_length=4000)
