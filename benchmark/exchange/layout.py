"""The folders of an export: whose images, in which order, with labels or without."""

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
        folder: Below the export.
        rows: Of the truth, in the order in which the images are written.
        condition: Whose images; of training and adaptation images their domain as it is.
        tested: Whether predictions of it are asked for.
        labelled: Whether labels and groups are written: of the source's training and validation images alone.
    """

    folder: str
    rows: pd.DataFrame
    condition: Condition
    tested: bool = True
    labelled: bool = False


def parts(protocol: Protocol, table: pd.DataFrame) -> list[Part]:
    """Returns the folders of an export.

    All rows come in an order fixed by a hash of the sample ids, which says nothing of labels; those that are tested in
    the order of the test stream.

    Args:
        protocol: The terms.
        table: Their truth, with a column `row`.
    """

    def rows(domain: str, split: str) -> pd.DataFrame:
        return in_hash_order(table[(table["domain"] == domain) & (table["split"] == split)], protocol.seed)

    source = protocol.source
    made = [Part("source/train", rows(source, "train"), Condition(source, "clean"), tested=False, labelled=True)]
    for target in protocol.targets:
        found = rows(target, "adapt")
        if len(found):
            made.append(Part(f"adapt/{folder_name(target)}", found, Condition(target, "real"), tested=False))
    for condition in protocol.conditions():
        place = {
            "validation": "source/val",
            "clean": "test/clean",
            "real": f"test/real/{folder_name(condition.domain)}",
            "synthesized": f"test/synthesized/{folder_name(f'{condition.shift}@{condition.level}')}",
        }[condition.kind]
        labelled = condition.kind == "validation"
        made.append(Part(place, test_stream(protocol, table, condition), condition, labelled=labelled))
    return made


def depth(dataset: Dataset, protocol: Protocol) -> Literal["uint8", "float32"]:
    """Returns the type that holds every image exactly: uint8 where shifted images, too, are rounded to 256 levels."""
    whole = dataset.pixels.dtype == np.uint8 and dataset.value_range in (None, (0, 255))
    return "uint8" if whole and protocol.grey_levels == 256 else "float32"


def size(made: list[Part], dataset: Dataset, protocol: Protocol, form: Format) -> tuple[int, int]:
    """Returns how many images there are, and how many bytes of pixels: of PNG before they are compressed."""
    images = sum(len(part.rows) for part in made)
    width = 1 if depth(dataset, protocol) == "uint8" else 2 if form == "png" else 4
    return images, images * dataset.channels * int(np.prod(dataset.spatial)) * width


def telling(made: list[Part], protocol: Protocol) -> str:
    """Returns the first sample id of a part without labels that has the name of a class in it; empty where none has."""
    words = "|".join(re.escape(name) for name in protocol.dataset.classes)
    pattern = rf"(?i)(?:^|[^a-z0-9])(?:{words})(?:[^a-z0-9]|$)"
    for ids in (part.rows["sample_id"] for part in made if not part.labelled):
        found = ids[ids.str.contains(pattern)]
        if len(found):
            return str(found.iloc[0])
    return ""
