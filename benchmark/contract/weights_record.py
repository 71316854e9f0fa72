"""The record of the pretrained weights that a network starts from, and what the tags of timm say of their data."""

from __future__ import annotations

import re
from dataclasses import dataclass

NOT_STATED = "not stated"
IMAGENET = "ImageNet-1k"
DATA = {  # a part of a tag -> what the weights were trained on
    "in1k": IMAGENET,
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "cc12m": "CC-12M",
    "datacomp": "DataComp",
    "datacompxl": "DataComp",
    "dfn2b": "DFN-2B",
    "dfn5b": "DFN-5B",
    "ig1b": "Instagram-1B",
    "inat21": "iNaturalist 2021",
    "jft": "JFT-300M",
    "laion2b": "LAION-2B",
    "laion400m": "LAION-400M",
    "lvd142m": "LVD-142M",
    "lvd1689m": "LVD-1689M",
    "m30m": "Merged-30M",
    "m38m": "Merged-38M",
    "merged2b": "Merged-2B",
    "metaclip": "MetaCLIP",
    "openai": "OpenAI's image-text pairs",
    "sa1b": "SA-1B",
    "sat493m": "SAT-493M",
    "webli": "WebLI",
    "yfcc15m": "YFCC-15M",
    "yfcc100m": "YFCC-100M",
}


@dataclass(frozen=True)
class WeightsRecord:
    """What the weights are that a network starts from.

    Args:
        origin: The name on the hub, the name of a folder without its path, or the package that holds them.
        sha256: Hash of all weights: names, shapes and values.
        pretraining: What they were trained on, in order; `NOT_STATED` if their origin does not say.
        licence: As their origin states it; empty if it does not.
    """

    origin: str
    sha256: str
    pretraining: str = NOT_STATED
    licence: str = ""

    def __str__(self) -> str:
        """Write the record in one line."""
        licence = f", licence {self.licence}" if self.licence else ""
        return f"{self.origin} (pretraining {self.pretraining}{licence}), sha256 {self.sha256}"


def pretraining_of(tag: str) -> str:
    """Name the data of a tag of timm or open_clip, in order; `NOT_STATED` if it names none.

    >>> pretraining_of("fb_in22k_ft_in1k")
    'ImageNet-22k, then ImageNet-1k'
    """
    parts = re.split(r"[^a-z0-9]+", tag.lower())
    return ", then ".join(dict.fromkeys(DATA[part] for part in parts if part in DATA)) or NOT_STATED


def is_imagenet(pretraining: str) -> bool:
    """Return whether weights may be called ImageNet's: those of ImageNet-1k, whichever part of ImageNet came before."""
    parts = re.split(r", (?:then )?", pretraining)
    return parts[-1] == IMAGENET and all(part.startswith("ImageNet-") for part in parts)
