"""The answers of the study, from its table alone: sentences with intervals, each with its control beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from ...reporting.numbers import format_estimate
from ..findings import Answered, Measured, verdict
from .columns import BEFORE_AFTER, FALL, HALVES, LEAD, MEAN, REUSED, SEEDS, SHIFTED, SHIFTED_UNTRAINED, UNTRAINED

LOWEST_LEAST = "training changes the lowest stage less than the last"
EARLY = "more of the likeness is lost in the lower half of the stages than in the upper half"
UNCHANGED = 0.02  # a fall of CKA below which a shift is said to leave the features as they are


def answers(table: pd.DataFrame, titles: Mapping[str, str]) -> Iterator[Answered]:
    """Yield the answers: what training changes, by arm; then where each shift enters, by arm.

    Args:
        table: From `measure.measure`.
        titles: Arm -> name for people.
    """
    arms = list(dict.fromkeys(table["arm"]))
    for arm in arms:
        yield _of_training(table[table["arm"] == arm], titles.get(arm, arm))
    for arm in arms:
        own = table[(table["arm"] == arm) & (table["shift"] != "")]
        for shift in dict.fromkeys(own["shift"]):
            yield _of_shift(table[table["arm"] == arm], str(shift), titles.get(arm, arm))


def _of_training(own: pd.DataFrame, title: str) -> Answered:
    """Say at which stage training changes features least and most; the claim is about the lowest and the last."""
    found = pick(own, BEFORE_AFTER)
    least, most = found.loc[found["value"].idxmax()], found.loc[found["value"].idxmin()]
    said = (
        f"{title}: training leaves stage {least['stage']} of {len(found)} ({least['name']}) most as it was, CKA "
        f"{text(least)} on the same images before and after, and changes stage {most['stage']} ({most['name']}) most, "
        f"CKA {text(most)}."
    )
    for comparison, name in ((SEEDS, "two trainings that differ in their seed"), (UNTRAINED, "two untrained networks")):
        control = pick(own, comparison)
        if len(control):
            said += f" Control: {name} have CKA {text(at_stage(control, most))} there."
    reused = pick(own, REUSED).iloc[0]
    measured = Measured(float(reused["value"]), float(reused["low"]), float(reused["high"]), _seeds(own))
    name = f"{title}: CKA of the lowest stage less that of the last, before and after training"
    return Answered(said, measured, verdict(measured, 0.0, None), LOWEST_LEAST, name)


def _of_shift(own: pd.DataFrame, shift: str, title: str) -> Answered:
    """Say at which stage the strongest level of a shift enters."""
    level = own[own["shift"] == shift]["severity"].max()
    at = own[(own["shift"] == shift) & (own["severity"] == level)]
    found, falls, lead, halves = (pick(at, name) for name in (SHIFTED, FALL, LEAD, HALVES))
    name = f"{title}: {shift}@{level:g}, {HALVES}"
    if falls["value"].isna().any() or lead.empty:
        said = f"{title}: where {shift}@{level:g} enters is undefined: a stage's features are constant."
        return Answered(said, Measured(math.nan), "not shown", EARLY, name)
    entry, last = lead.iloc[0], found.iloc[-1]
    fall = at_stage(falls, entry)
    where = f"stage {entry['stage']} of {len(found)} ({entry['name']})"
    if fall["value"] < UNCHANGED:
        said = f"{title}: {shift}@{level:g} hardly changes any stage; at the last one, CKA with the clean images is "
        said += f"{text(last)}."
    else:
        clear = "" if entry["low"] > 0 else "; but this fall is not clearly larger than the next largest one"
        said = (
            f"{title}: {shift}@{level:g} enters at {where}: there, CKA between the clean and the shifted images falls "
            f"by {text(fall)} to {text(at_stage(found, entry))}{clear}. At the last stage it is {text(last)}."
        )
    seeds, untrained = pick(own, SEEDS), pick(at, SHIFTED_UNTRAINED)
    if len(seeds):
        said += f" Control: another seed gives {text(at_stage(seeds, entry))} at that stage, on clean images."
    if len(untrained):
        said += f" Before training, the shift gives {text(at_stage(untrained, entry))} there."
    half = halves.iloc[0]
    measured = Measured(float(half["value"]), float(half["low"]), float(half["high"]), _seeds(own))
    return Answered(said, measured, verdict(measured, 0.0, None), EARLY, name)


def pick(rows: pd.DataFrame, comparison: str, seed: str = MEAN) -> pd.DataFrame:
    """Select the rows of a comparison, by stage; those of the mean over seeds by default."""
    chosen = rows[(rows["comparison"] == comparison) & (rows["seed"] == seed)]
    return chosen.sort_values("stage")


def at_stage(rows: pd.DataFrame, like: pd.Series) -> pd.Series:
    """Return the row of the stage that another row is about."""
    return rows[rows["stage"] == like["stage"]].iloc[0]


def text(row: pd.Series) -> str:
    """Write a value with its interval."""
    return format_estimate(float(row["value"]), float(row["low"]), float(row["high"]))


def size(table: pd.DataFrame) -> str:
    """Say on what CKA was computed: images, patients, dimensions, grid."""
    first, pooled = table.iloc[0], int(table["grid"].iloc[0])
    dims = sorted(set(table["dimension"].astype(int)))
    cells = "their mean over the image" if pooled == 1 else f"their means over a grid of {pooled} x {pooled} cells"
    return (
        f"Debiased linear CKA on {first['images']:,} test images of {first['groups']:,} patients or other groups, the "
        f"same ones in every comparison; channels enter as {cells}, {dims[0]:,} to {dims[-1]:,} numbers per stage; "
        "intervals are 95 %, by the jackknife over groups."
    )


def _seeds(own: pd.DataFrame) -> int:
    return len(set(own["seed"]) - {MEAN})
