"""Splits into train, validation, test and adaptation: by group, stratified, deterministic."""

from __future__ import annotations

import warnings

import pandas as pd

from ...shifts.errors import MedshiftError, near
from ..files.wording import plural

SOURCE_SPLITS = ("train", "val", "test")
TARGET_SPLITS = ("adapt", "test")
SEED = 20240501
FOLDS = 5  # a fifth of the source's groups is for test, a fifth of the others for validation


def split(table: pd.DataFrame, source: str, targets: tuple[str, ...]) -> pd.DataFrame:
    """Split groups of the source into train, val and test, and groups of the targets into adapt and test.

    The source is split into about 64, 16 and 20 % of its groups, the targets into halves, all stratified by label. A
    group in several targets is in the same split in all of them; groups that a target shares with the source are
    `unused`.

    Args:
        table: Columns sample_id, label, domain, group, and optionally split, which is then checked and kept.
        source: The domain to train on.
        targets: The domains of the real shifts.

    Returns:
        The rows of these domains with a column `split`.

    Raises:
        MedshiftError: A domain is unknown or too small to split, or in the given splits a group straddles.
    """
    known = sorted(table["domain"].unique())
    for domain in (source, *targets):
        if domain not in known:
            raise MedshiftError(f"unknown domain {domain!r}.{near(domain, known)}")
    table = table[table["domain"].isin([source, *targets])].copy()
    if "split" in table:
        check(table, source)
        return table
    of_source = table["domain"] == source
    rows = table[of_source]
    rest, test = _halves(rows, FOLDS, 3, f"domain {source!r}")
    train, val = _halves(rows.loc[rest], FOLDS, 2, f"domain {source!r}")
    table["split"] = "unused"
    for name, index in (("train", train), ("val", val), ("test", test)):
        table.loc[index, "split"] = name
    free = table[~of_source & ~table["group"].isin(set(rows["group"]))]
    if len(free):
        adapt, test = _halves(free, 2, 1, "the targets")
        table.loc[adapt, "split"], table.loc[test, "split"] = "adapt", "test"
    check(table, source)
    return table


def _halves(rows: pd.DataFrame, folds: int, least: int, what: str) -> tuple[pd.Index, pd.Index]:
    """Return the index of all folds but one, and of that one; every class must have `least` groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    strata = rows["domain"].astype(str) + "\x1f" + rows["label"].astype(str)
    rare = rows.groupby("label")["group"].nunique()
    if rows["group"].nunique() < max(folds, 2) or rare.min() < least:
        raise MedshiftError(
            f"{what} cannot be split by group: {rows['group'].nunique()} groups, {int(rare.min())} of the rarest "
            f"class; {folds} groups and {least} of every class are needed"
        )
    folder = StratifiedGroupKFold(min(folds, int(strata.value_counts().max())), shuffle=True, random_state=SEED)
    with warnings.catch_warnings():  # a stratum with fewer groups than folds is spread as far as possible
        warnings.simplefilter("ignore", UserWarning)
        first, second = next(folder.split(rows, strata, rows["group"]))
    return rows.index[first], rows.index[second]


def check(table: pd.DataFrame, source: str) -> None:
    """Raise MedshiftError, naming the offenders, if splits leak or lack what is needed."""
    of_source = table["domain"] == source
    allowed = {True: (*SOURCE_SPLITS, "unused"), False: (*TARGET_SPLITS, "unused")}
    for is_source, rows in table.groupby(of_source):
        wrong = sorted(set(rows["split"]) - set(allowed[bool(is_source)]))
        if wrong:
            whose = "the source's" if is_source else "a target's"
            raise MedshiftError(f"{wrong[0]!r} is not one of {whose} splits ({', '.join(allowed[bool(is_source)])})")
    seen = {name: set(table.loc[of_source & (table["split"] == name), "group"]) for name in SOURCE_SPLITS}
    tested = set(table.loc[table["split"] == "test", "group"])
    adapted = set(table.loc[table["split"] == "adapt", "group"])
    leaks = {
        "source train and a test split": seen["train"] & tested,
        "source train and source validation": seen["train"] & seen["val"],
        "source validation and a test split": seen["val"] & tested,
        "a target's adaptation and a test split": adapted & tested,
    }
    for where, groups in leaks.items():
        if groups:
            names = ", ".join(sorted(groups)[:5]) + (", ..." if len(groups) > 5 else "")
            raise MedshiftError(
                f"{plural(len(groups), 'group')} in both {where}: {names}. A group must not straddle them."
            )
    labels = set(table["label"])
    for name in SOURCE_SPLITS:
        rows = table[of_source & (table["split"] == name)]
        lacking = sorted(labels - set(rows["label"])) if name == "train" else []
        if not len(rows) or lacking:
            what = f"lacks label {lacking[0]}" if lacking else "is empty"
            raise MedshiftError(f"the {name} split of source {source!r} {what}: choose another --source or --classes")
