"""Sites and patients that are written in several ways, and so count as several."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from decimal import Decimal

import pandas as pd

from ....files.wording import plural
from ..notes import GraveNote
from .spellings import INNER, NUMBER, WHOLE, alike, plain_label, visible

ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
GAP = re.compile(r"(?<=[^\W\d]) (?=\d)|(?<=\d) (?=[^\W\d])")  # P 1 is P1, but 1 2 is not 12
ROUNDED = re.compile(r"\d([.,]\d+)?E\+\d{2,}", re.IGNORECASE)
FIELD = re.compile(r"(\d+(?:\.\d+)?)\s*(?:t|tesla)?", re.IGNORECASE)
WEAKEST, STRONGEST, NEAR = Decimal("0.2"), Decimal(12), Decimal("1.02")  # fields in tesla, and how far one kind's lie
DECIMALS = re.compile(r"\d\.\d")


def sites_alike(domains: Iterable[str]) -> list[str]:
    """Tell of domains that look alike, or are nearly one field: a scanner would be tested as a shift of itself."""
    known = {name for name in domains if name}
    spelt = [
        GraveNote(
            f"domains {' and '.join(map(repr, names))} look alike, and count as {len(names)} sites: write them alike "
            "if they are one"
        )
        for names in alike(known, _plain_site)
    ]
    near = [
        f"domains {low!r} and {high!r} differ by less than 2 %, and count as 2 sites: write one number if they are "
        "one kind of scanner"
        for low, high in _nearly_one_field(known)
    ]
    return [*spelt, *near]


def _nearly_one_field(domains: Iterable[str]) -> list[tuple[str, str]]:
    """Pair field strengths that are less than `NEAR` apart: 1.5 T and 1.494 T are one kind of scanner."""
    found = [(Decimal(match[1]), name) for name in domains if (match := FIELD.fullmatch(visible(name)))]
    fields = sorted(field for field in found if WEAKEST <= field[0] <= STRONGEST)
    return [(low[1], high[1]) for low, high in itertools.pairwise(fields) if low[0] < high[0] < low[0] * NEAR]


def groups_alike(groups: Iterable[str]) -> list[GraveNote]:
    """Tell of groups that look alike: a patient would stand on both sides of a split."""
    ways = pd.Series(sorted(set(groups)), dtype=object).map(_plain).value_counts()
    count = int((ways > 1).sum())
    if not count:
        return []
    written, them = ("group is", "it") if count == 1 else ("groups are", "each")
    return [
        GraveNote(
            f"{count:,} {written} written in several ways (case, leading zeros, `.0`, spaces, `-` or `_`, invisible "
            f"characters), and each way counts as another patient: write {them} in one way if they are one"
        )
    ]


def groups_rounded(groups: pd.Series[str]) -> list[GraveNote]:
    """Tell of long numbers as a spreadsheet shows them: several patients may have become one."""
    rounded = groups[groups.map(lambda group: bool(ROUNDED.fullmatch(group)))]
    if not len(rounded):
        return []
    images = plural(len(rounded), "image")
    return [
        GraveNote(
            f"groups such as {rounded.iloc[0]!r} ({images}) were rounded by a spreadsheet, and may each stand for "
            "several patients: export the table again with these numbers as text"
        )
    ]


def _plain_site(domain: str) -> object:
    """Return what a domain has in common with those that look alike; zeros in decimals count: 0.05 T is not 0.5 T."""
    name = visible(domain)
    return plain_label(domain) if NUMBER.fullmatch(name) or DECIMALS.search(name) else _plain(domain)


def _plain(group: str) -> str:
    """Return a name without what people write in several ways.

    That is case, the kind of space, hyphen or underscore, any of these between letters and a number, leading zeros of
    numbers, `.0` of whole ones and characters that have no width.
    """
    name = visible(group).casefold()
    return ZEROS.sub("", WHOLE.sub(r"\1", name) if WHOLE.fullmatch(name) else GAP.sub("", INNER.sub(" ", name)))
