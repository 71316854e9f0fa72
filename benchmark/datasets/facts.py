"""Facts about a data set that a protocol and a leaderboard repeat, so that they do not need the data."""

from __future__ import annotations

from pydantic import Field

from ..files.schema import Strict


class DatasetFacts(Strict):
    """Facts about a data set that a protocol and a leaderboard repeat, so that they do not need the data.

    Args:
        name: Name of the data set.
        version: Changes whenever pixels or labels change.
        classes: Names of the labels 0..K-1.
        modality: One of the modalities of the shifts.
        channels: Number of channels.
        image_size: Spatial shape.
        simulated: Whether the images come from a simulator; stated wherever results are shown.
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
