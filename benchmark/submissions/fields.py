"""Texts of a card, each held to a form: what the page shows of a stranger's card can name nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from ..contract.entry import LONGEST_TEXT, NAMED
from ..contract.user_class import CLAIM
from ..files.schema import printable
from ..files.text import unportable

ENTRY = NAMED
SEED_FOLDER = re.compile(r"seed-(0|[1-9][0-9]{0,18})")
# files beside entries and protocols: where an entry has such a name, no board can have the file
TAKEN = ("protocol.json", "truth.parquet", "audit.json", "verified.json", "boards.json")
CHANGED_ENDS = (
    "its line ends are CRLF, to which git's core.autocrlf changes them on Windows: put the line "
    "`leaderboard/submissions/** -text` into .gitattributes, remove the file and `git checkout` it again"
)
LARGEST_SETTINGS = 20_000  # characters of all hyper-parameters together
EXTERNAL = "external"  # the distribution of predictions made outside medshift: there is only the author's word for them
OWN, UNNAMED = "medshift", "an unnamed distribution"
DISTRIBUTION = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99}) [A-Za-z0-9][A-Za-z0-9.+!_-]{0,59}")
BROUGHT = "brought"  # that of a fitted model: medshift predicted with it; what it has seen is the author's word

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
Line = Annotated[str, Field(max_length=400), AfterValidator(printable)]
# what the page says beside who made or verified an entry: of these words only
Device = Annotated[str, Field(pattern=r"^(not stated|[a-z]{1,20}(:[0-9]{1,3})?)$")]
Version = Annotated[str, Field(pattern=r"^(medshift )?[0-9][0-9A-Za-z.+!_-]{0,59}$")]
Commit = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,64}$")]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Setting: TypeAlias = bool | Whole | float | Annotated[str, Field(max_length=LONGEST_TEXT)] | None


def unfit(name: str) -> str:
    """Say why no entry can have a name, as the end of a sentence; empty if one can."""
    return f"is that of a board's own file, {name.casefold()}" if name.casefold() in TAKEN else unportable(name)


def origin(text: str) -> str:
    """Return a distribution in one of the forms that are shown: `NAME VERSION`, `external`, `brought`, `module ...`.

    A name that only looks like medshift's, or like one of these words, would pass for it on the page.

    Raises:
        ValueError: It has another form, or such a name.
    """
    if text in (EXTERNAL, BROUGHT) or CLAIM.fullmatch(text) or text == UNNAMED:
        return text
    found = DISTRIBUTION.fullmatch(text)
    if found is None:
        raise ValueError("must be `NAME VERSION`, `external`, `brought` or `module NAME, sha256 HASH`")
    plain = re.sub(r"[-_.]+", "-", found[1]).strip("-").lower()  # as package indexes compare names
    if plain in (OWN, EXTERNAL, BROUGHT) and found[1] != OWN:
        raise ValueError(f"{found[1]!r} would be taken for {plain!r}")
    return text


def require_short(settings: Mapping[str, object]) -> None:
    """Raise ValueError unless hyper-parameters have the length of those that people write: a page shows them all."""
    if sum(len(name) + len(str(value)) for name, value in settings.items()) > LARGEST_SETTINGS:
        raise ValueError(f"hyper-parameters have more than {LARGEST_SETTINGS:,} characters")


def entry_name(baseline: str, overrides: Mapping[str, Setting]) -> str:
    """Name an entry after its baseline and the hyper-parameters that differ from the defaults.

    Characters other than letters, digits and `._,@-` become `-`; a hash then distinguishes such names, and long ones.

    >>> entry_name("imagenet-finetune", {"lr": 0.001, "budget": "long"})
    'imagenet-finetune+budget=long+lr=0.001'
    """
    plain = "+".join([baseline, *(f"{name}={value}" for name, value in sorted(overrides.items()))])
    safe = re.sub(r"[^A-Za-z0-9._+=,@-]", "-", plain)
    if safe == plain and len(plain) <= 120:
        return plain
    return f"{safe[:110]}+{hashlib.sha256(plain.encode()).hexdigest()[:8]}"
