"""Findings on stored values: a scale hardly used, outliers, constant images, sites of different depth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..datasets.dataset import Dataset
from ..datasets.value_limits import LITTLE
from ..files.wording import percent, plural
from .finding import NOTE, SERIOUS, Finding
from .value_use import ValueUse

MANY = 0.01  # fraction of constant images from which they bias figures
LISTED = 6  # domains named


def value_findings(dataset: Dataset, use: ValueUse) -> Iterator[Finding]:
    """Yield the findings on the values of a data set."""
    ids = dataset.table["sample_id"].astype(str).to_numpy()
    usual = f"{_number(use.usual[0])} to {_number(use.usual[1])}"
    bits = int(use.usual[1]).bit_length()
    integers = dataset.pixels.dtype.kind == "u" and dataset.value_range is None
    if use.depths_differ:
        each = ", ".join(f"{_number(value)} in {name}" for name, value in list(use.by_domain.items())[:LISTED])
        yield Finding(
            SERIOUS,
            f"the greatest value of an image differs between domains: {each}",
            "Were they stored with different depth? Rescale the images of one of them, or a model sees the site.",
            6.5,
        )
    if 0 < use.share < LITTLE:
        deep = dataset.pixels.dtype.itemsize > 1  # 8 bits may be what is left of 16, whose values they do not tell
        stored = f": {bits} bits in {8 * dataset.pixels.dtype.itemsize}" if integers and deep and bits < 16 else ""
        range_ = f"{use.usual[0]:g},{use.usual[1]:g}" if deep else "LOW,HIGH, in the values of the files"
        yield Finding(
            SERIOUS,
            f"the images use {percent(use.share)} of the scale: values {usual} of {_number(use.scale[0])} to "
            f"{_number(use.scale[1])}{stored}",
            "They are nearly black to a network, and severities of shifts do not fit them: import them again with "
            f"--value-range {range_}.",
            6.4,
        )
    outliers = use.outliers
    if len(outliers):
        held = 1 - (use.usual[1] - use.usual[0]) / (use.whole[1] - use.whole[0])
        whole = (
            f"{plural(len(outliers), 'image')} hold{'s' if len(outliers) == 1 else ''} {percent(held)} of the range "
        )
        values = f"holds {_number(use.least[outliers[0]])} to {_number(use.greatest[outliers[0]])}, others {usual}"
        yield Finding(
            SERIOUS,
            f"{whole}of values alone: {ids[outliers[0]]} {values}",
            "Look for hot pixels, burnt-in text or another unit, and choose the value range without them.",
            6.3,
            f"{whole}of values alone: the first {values}",
        )
    constant = use.constant
    if len(constant):
        black = int((use.greatest[constant] <= use.scale[0] + 0.01 * (use.scale[1] - use.scale[0])).sum())
        names, counts = np.unique(dataset.table["domain"].astype(str).to_numpy()[constant], return_counts=True)
        where = ", ".join(f"{count} in {name}" for name, count in list(zip(names, counts, strict=True))[:LISTED])
        text = (
            f"{plural(len(constant), 'image')} hold{'s' if len(constant) == 1 else ''} hardly more than one value "
            f"({black} black; {where})"
        )
        yield Finding(
            SERIOUS if len(constant) >= MANY * len(ids) else NOTE,
            f"{text}, e.g. {ids[constant[0]]}",
            "Nothing can be seen in them: look for failed conversions, and leave them out.",
            5.5,
            text,
        )


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
