"""What a column `split` says, in medshift's words."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ..files.wording import plural

SOURCE = ("train", "val", "test")  # what a domain needs to be trained on
WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "validate": "val",
    "dev": "val",
    "development": "val",
    "test": "test",
    "testing": "test",
    "adapt": "adapt",
    "adaptation": "adapt",
    "unused": "unused",
}
SHOWN = 5  # values that a message lists
WAY_ON = "--ignore-split leaves the column out and splits by group"


def understood(values: pd.Series) -> pd.Series:
    """Translate usual words and spellings (`Train`, `validation`, `dev`); leave other values as they are."""
    words = {value: WORDS.get(str(value).strip().casefold(), str(value)) for value in values.unique()}
    return values.map(words).astype(str)


def is_split(name: str) -> bool:
    """Tell whether a word is one of those for splits."""
    return name.strip().casefold() in WORDS


def straddling(table: pd.DataFrame) -> int:
    """Count the groups that a column `split` parts: images of one patient in two splits of a domain."""
    if "split" not in table:
        return 0
    told = table.assign(split=understood(table["split"]))
    return int((told.groupby(["domain", "group"])["split"].nunique() > 1).sum())


def listed(values: Iterable[object]) -> str:
    """List values as a message shows them: `0`, `1`, `2`, ..."""
    shown = sorted({str(value) for value in values})
    return ", ".join(f"`{value}`" for value in shown[:SHOWN]) + (", ..." if len(shown) > SHOWN else "")


def unreadable(values: pd.Series) -> str:
    """Write why a column cannot be used at all, and the ways on; empty if every value is understood."""
    unknown = sorted(set(understood(values)) - {*WORDS.values(), ""})  # empty cells are reported by line
    if not unknown:
        return ""
    folds = all(value.strip().casefold().removeprefix("fold").strip(" _-").isdigit() for value in unknown)
    what = "folds of a cross-validation" if folds else "none of its words"
    images = plural(int(values.isin(unknown).sum()), "image")
    return f"column `split` holds {listed(unknown)} ({images}): {what}; write train, val and test, or {WAY_ON}"


def overlooked(table: pd.DataFrame) -> str:
    """Write that a column such as `Split` holds splits and is not used; empty if there is none, or `split` itself."""
    alike = [str(name) for name in table if str(name).strip().casefold() == "split"]
    if "split" in table or not alike or unreadable(table[alike[0]].astype(str)):
        return ""
    return f"column `{alike[0]}` is not used, and images are split by group: name it `split` for its splits to be kept"


def split_note(table: pd.DataFrame) -> str:
    """Write how a column `split` will be used, as long as no source is chosen; empty if it says all there is to say.

    Args:
        table: Column domain, and perhaps split, all of whose values are understood.
    """
    if "split" not in table:
        return overlooked(table)
    words = understood(table["split"])
    held = {str(name): set(rows) for name, rows in words.groupby(table["domain"])}
    whole = [name for name, has in held.items() if has.issuperset(SOURCE)]
    parts = []
    if not whole:
        lacking = [f"{name} lacks {' and '.join(word for word in SOURCE if word not in held[name])}" for name in held]
        more = ", ..." if len(lacking) > SHOWN else ""
        parts.append(f"no domain can be trained on ({', '.join(lacking[:SHOWN])}{more})")
    elif sum(bool(has & {"train", "val"}) for has in held.values()) > 1:
        parts.append("a target's train and val images count as adapt, without their labels")
    untested = sorted(name for name, has in held.items() if "test" not in has)
    if whole and untested:
        more = ", ..." if len(untested) > SHOWN else ""
        parts.append(f"{', '.join(untested[:SHOWN])}{more} cannot be tested, as the column has no test images of them")
    return f"column `split` holds {listed(table['split'].unique())}: {'; '.join(parts)}; {WAY_ON}" if parts else ""
