"""The folders of an export: their images, order and labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ..datasets.dataset import Dataset
from ..files.names import folder_name
from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from ..runs.stream import in_hash_order, test_stream

Format = Literal["npy", "png"]


@dataclass(frozen=True, eq=False)
class Part:
    """One folder of an export.

    Args:
        folder: Path below the export.
        rows: Rows of the truth, in the order in which the images are written.
        condition: Condition of the images; for training and adaptation images their unshifted domain.
        tested: Whether predictions are required.
        labelled: Whether labels and groups are written: for the source's training and validation images only.
    """

    folder: str
    rows: pd.DataFrame
    condition: Condition
    tested: bool = True
    labelled: bool = False


def parts(protocol: Protocol, table: pd.DataFrame) -> list[Part]:
    """List the folders of an export.

    All rows are ordered by a hash of the sample ids, which reveals nothing about labels; tested ones follow the order
    of the test stream.

    Args:
        protocol: The protocol.
        table: Its truth with a column `row`.
    """

    def rows(split: str, *domains: str) -> pd.DataFrame:
        return in_hash_order(table[table["domain"].isin(domains) & (table["split"] == split)], protocol.seed)

    source = protocol.source
    made = [
        Part(
            "source/train",
            rows("train", source, protocol.mixed),
            Condition(source, "clean"),
            tested=False,
            labelled=True,
        )
    ]
    for target in protocol.targets:
        found = rows("adapt", target)
        if len(found):
            place = f"adapt/{folder_name(target, protocol.targets)}"
            made.append(Part(place, found, Condition(target, "real"), tested=False))
    for condition in protocol.conditions():
        place = {
            "validation": "source/val",
            "clean": "test/clean",
            "real": f"test/real/{folder_name(condition.domain, protocol.targets)}",
            "synthesized": f"test/synthesized/{folder_name(f'{condition.shift}@{condition.level}')}",
        }[condition.kind]
        labelled = condition.kind == "validation"
        made.append(Part(place, test_stream(protocol, table, condition), condition, labelled=labelled))
    return made


def depth(dataset: Dataset, protocol: Protocol) -> Literal["uint8", "float32"]:
    """Return the type that holds every image exactly: uint8 if shifted images, too, are rounded to 256 levels."""
    whole = dataset.pixels.dtype == np.uint8 and dataset.value_range in (None, (0, 255))
    return "uint8" if whole and protocol.grey_levels == 256 else "float32"


def size(made: list[Part], dataset: Dataset, protocol: Protocol, form: Format) -> tuple[int, int]:
    """Return the number of images and the bytes of their pixels, for PNG before compression."""
    images = sum(len(part.rows) for part in made)
    width = 1 if depth(dataset, protocol) == "uint8" else 2 if form == "png" else 4
    return images, images * dataset.channels * int(np.prod(protocol.image_shape)) * width


def telling(made: list[Part], protocol: Protocol) -> str:
    """Return the first sample id of an unlabelled part that contains a class name; empty if none does."""
    words = "|".join(re.escape(name) for name in protocol.dataset.classes)
    pattern = rf"(?i)(?:^|[^a-z0-9])(?:{words})(?:[^a-z0-9]|$)"
    for ids in (part.rows["sample_id"] for part in made if not part.labelled):
        found = ids[ids.str.contains(pattern)]
        if len(found):
            return str(found.iloc[0])
    return ""
