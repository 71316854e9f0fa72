"""Splits into train, validation, test and adaptation: by group, stratified, deterministic."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError, near
from ..datasets import split_names
from ..files.listed import pasted
from ..files.wording import plural

SOURCE_SPLITS = ("train", "val", "test")
TARGET_SPLITS = ("adapt", "test")
SEED = 20240501
LEAST = 3  # groups of every class of the source: one each to train, to validate and to test
FOLDS = 5  # a fifth of the source's groups is for test, a fifth of the others for validation


def _leave_out(kept: Sequence[str]) -> str:
    return "leave it out where images are read (--classes)"


def split(
    table: pd.DataFrame,
    source: str,
    targets: Sequence[str],
    classes: Sequence[str] = (),
    *,
    adapt: bool = True,
    leave_out: Callable[[Sequence[str]], str] = _leave_out,
) -> pd.DataFrame:
    """Split groups of the source into train, val and test, and groups of the targets into adapt and test.

    The source is split into about 64, 16 and 20 % of its groups, the targets into halves, all stratified by label. A
    group in several targets is in the same split in all of them; groups that a target shares with the source are
    `unused`.

    Args:
        table: Columns sample_id, label, domain, group, and optionally split, which is then checked and kept: usual
            spellings are understood, and a target's train and val count as adapt, which uses no labels.
        source: The domain to train on.
        targets: The domains of the real shifts.
        classes: Names of the labels, for messages.
        adapt: Whether targets are adapted to; if not, all their groups are tested.
        leave_out: Says how all but some classes are left out of these data, for messages.

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
    of_source = table["domain"] == source
    if "split" in table:
        words = split_names.understood(table["split"])
        table["split"] = words.where(of_source, words.replace({"train": "adapt", "val": "adapt"}))
        if not adapt:
            table.loc[table["split"].eq("adapt") & ~of_source, "split"] = "test"
        check(table, source, classes, given=True, leave_out=leave_out)
        return table
    rows = table[of_source]
    try:
        rest, test = halves(rows, FOLDS, LEAST, source, classes)
        folds = max(2, min(FOLDS, rows.loc[rest, "group"].nunique()))  # five groups leave four, one of them to validate
        train, val = halves(rows.loc[rest], folds, 2, source, classes, beside=" besides its test split")
    except TooFew as error:
        raise MedshiftError(f"{error}: {_ways_on(table, source, error.rare, classes, leave_out)}") from None
    table["split"] = "unused"
    for name, index in (("train", train), ("val", val), ("test", test)):
        table.loc[index, "split"] = name
    free = table[~of_source & ~table["group"].isin(set(rows["group"]))]
    if not adapt:
        table.loc[free.index, "split"] = "test"
    elif free["group"].nunique() > 1:
        adapted, test = halves(free, 2, 1, "", classes)
        table.loc[adapted, "split"], table.loc[test, "split"] = "adapt", "test"
    check(table, source, classes, leave_out=leave_out)
    return table


class TooFew(MedshiftError):
    """Groups of a domain, or of a class in it, are too few to be split.

    Args:
        text: Which.
        rare: The classes of which there are too few.
    """

    def __init__(self, text: str, rare: Sequence[int]) -> None:
        super().__init__(text)
        self.rare = rare


def _ways_on(
    table: pd.DataFrame,
    source: str,
    lacking: Sequence[int],
    classes: Sequence[str],
    leave_out: Callable[[Sequence[str]], str],
) -> str:
    """Write what mends a source with too few groups, or too few of a class: only what would work.

    Args:
        table: Columns label, domain and group, of source and targets.
        source: The domain that was to be trained on.
        lacking: The classes of which it has too few.
        classes: Names of the labels.
        leave_out: Says how all but some classes are left out of these data.
    """
    groups = table.groupby(["domain", "label"], observed=True)["group"].nunique().unstack(fill_value=0)
    whole = table.groupby("domain", observed=True)["group"].nunique()
    others = [str(name) for name in groups.index if name != source]
    enough = [name for name in others if whole[name] >= FOLDS and (groups.loc[name] >= LEAST).all()]
    ways = [f"choose another --source ({', '.join(enough)})"] if enough else []
    free = [name for name in others if not groups.loc[name, list(lacking)].any()]
    if lacking and not groups.loc[source, list(lacking)].any() and free:
        ways.append(f"test only where it does not occur, --targets {pasted(free)}")
    if lacking and len(groups.columns) - len(lacking) > 1:
        ways.append(leave_out([name for label, name in enumerate(classes) if label not in lacking]))
    return "; or ".join(ways) or f"a source needs {FOLDS} groups, {LEAST} of every class"


def halves(
    rows: pd.DataFrame, folds: int, least: int, source: str, classes: Sequence[str], *, beside: str = ""
) -> tuple[pd.Index, pd.Index]:
    """Return the index of all folds but one, and of that one.

    Args:
        rows: Columns label, domain and group.
        folds: Number of folds.
        least: Groups that every class needs.
        source: Name of the domain, for messages.
        classes: Names of the labels, for messages.
        beside: What the rows leave out, for messages that count their groups.

    Raises:
        TooFew: There are fewer groups than folds, or a class has fewer than `least`.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    strata = rows["domain"].astype(str) + "\x1f" + rows["label"].astype(str)
    by_class = rows.groupby("label")["group"].nunique()
    count, rare = rows["group"].nunique(), by_class[by_class < least]
    if count < folds or len(rare):
        few = [f"{plural(count, 'group')}, {folds} are needed"] if count < folds else []
        few += [f"{class_name(classes, label)} has {plural(number, 'group')}{beside}" for label, number in rare.items()]
        more = f"; {least} of every class are needed" if len(rare) else ""
        raise TooFew(
            f"domain {source!r} cannot be split by group: {', '.join(few)}{more}", [int(n) for n in rare.index]
        )
    most = int(strata.value_counts().max())
    if most < 2:  # strata of single images cannot be spread over folds
        strata = pd.Series("", index=rows.index)
    folder = StratifiedGroupKFold(max(2, min(folds, most)), shuffle=True, random_state=SEED)
    with warnings.catch_warnings():  # a stratum with fewer groups than folds is spread as far as possible
        warnings.simplefilter("ignore", UserWarning)
        cuts = list(folder.split(rows, strata, rows["group"]))
    first, second = cuts[_fold(rows, [second for _, second in cuts])]
    return rows.index[first], rows.index[second]


def _fold(rows: pd.DataFrame, folds: Sequence[NDArray[np.intp]]) -> int:
    """Choose the fold that is split off: the first, unless it has less than half as many groups as it should.

    The group with the most images comes into the first fold, and a very large one fills it almost alone: a test on so
    few patients says little. Of the others, that with the most usual number of groups is taken, if it lacks no class
    that another one has.
    """
    groups, labels = rows["group"].to_numpy(), rows["label"].to_numpy()
    counts = [len(set(groups[fold])) for fold in folds]
    usual = len(set(groups)) / len(folds)
    if counts[0] >= usual / 2:
        return 0
    held = [len(set(labels[fold])) for fold in folds]
    return min(range(len(folds)), key=lambda fold: (-held[fold], abs(counts[fold] - usual), -counts[fold]))


def class_name(classes: Sequence[str], label: object) -> str:
    """Name a class as messages do: class `pneumonia`; its number where names are not known."""
    number = int(str(label))
    return f"class `{classes[number]}`" if 0 <= number < len(classes) else f"label {number}"


def check(
    table: pd.DataFrame,
    source: str,
    classes: Sequence[str] = (),
    *,
    given: bool = False,
    mixed: str = "",
    leave_out: Callable[[Sequence[str]], str] = _leave_out,
) -> None:
    """Raise MedshiftError, naming the offenders, if splits leak or lack what is needed.

    Args:
        table: Columns label, domain, group and split.
        source: The domain to train on.
        classes: Names of the labels, for the message.
        given: The splits come from the data's own column, which the message then names with the way on.
        mixed: A target of which training and validation have images, too.
        leave_out: Says how all but some classes are left out of these data, for messages.
    """
    of_source = table["domain"] == source
    of_mix = of_source | (table["domain"] == mixed)
    _check_words(table[~of_mix | of_source], of_source[~of_mix | of_source], source)
    way_on = f"; the splits are those of the column `split`: {split_names.WAY_ON}" if given else ""
    check_groups(table, source, mixed, way_on)
    labels = set(table["label"])
    for name in SOURCE_SPLITS:
        rows = table[(of_source if name == "test" else of_mix) & (table["split"] == name)]
        lacking = sorted(labels - set(rows["label"])) if name == "train" else []
        if not len(rows) or lacking:
            what = f"lacks {', '.join(class_name(classes, label) for label in lacking)}" if len(rows) else "is empty"
            ways = _ways_on(table, source, lacking, classes, leave_out)
            raise MedshiftError(f"the {name} split of source {source!r} {what}: {ways}{way_on}")


def check_groups(table: pd.DataFrame, source: str, mixed: str = "", way_on: str = "") -> None:
    """Raise MedshiftError, naming the offenders, if a group straddles splits.

    Args:
        table: Columns domain, group and split.
        source: The domain to train on.
        mixed: A target of which training and validation have images, too.
        way_on: Added to the message.
    """
    of_mix = table["domain"].isin([source, mixed] if mixed else [source])
    seen = {name: set(table.loc[of_mix & (table["split"] == name), "group"]) for name in ("train", "val")}
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
                f"{plural(len(groups), 'group')} in both {where}: {names}. A group must not straddle them{way_on}"
            )


def _check_words(table: pd.DataFrame, of_source: pd.Series, source: str) -> None:
    """Raise MedshiftError if a split is not one of its domain's."""
    for is_source, allowed in ((True, (*SOURCE_SPLITS, "unused")), (False, (*TARGET_SPLITS, "unused"))):
        values = table.loc[of_source == is_source, "split"]
        wrong = values[~values.isin(allowed)]
        if len(wrong):
            whose = f"the source {source!r}, whose splits are" if is_source else "targets, whose splits are"
            raise MedshiftError(
                f"column `split` holds {split_names.listed(wrong.unique())} for {plural(len(wrong), 'image')} of "
                f"{whose} {', '.join(allowed)}: write those words, or {split_names.WAY_ON}"
            )
