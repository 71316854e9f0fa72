"""The answers of the study, from its table alone: sentences with intervals, each with its control beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from ...reporting.numbers import format_decimal, format_estimate
from ..findings import Answered, Measured, verdict
from .columns import BEFORE_AFTER, HALVES, MEAN, PAIRS, REUSED, SEEDS, SHIFTED, SHIFTED_UNTRAINED, UNTRAINED

LOWEST_LEAST = "above 0, as the lowest stage keeps more of its features than the last one"
EARLY = "above 0, as more is lost in the lower half of the stages than in the upper half"
ALIKE = 0.95  # a shift enters where CKA is below: a convention, as features of two seeds differ by more than that
BELOW = format_decimal(ALIKE, 2)  # in words
UNCHANGED = 1 - 1e-9  # CKA of features that differ by rounding at most
NARROW = 0.02


def answers(table: pd.DataFrame, titles: Mapping[str, str]) -> Iterator[Answered]:
    """Yield the answers: what training changes, by arm; then where each shift enters, by arm.

    Args:
        table: From `measure.measure`.
        titles: Arm -> name for people.
    """
    arms = list(dict.fromkeys(table["arm"]))
    for arm in arms:
        yield _of_training(table[table["arm"] == arm], _begin(titles.get(arm, arm)))
    for arm in arms:
        own = table[(table["arm"] == arm) & (table["shift"] != "")]
        for shift in dict.fromkeys(own["shift"]):
            yield _of_shift(table[table["arm"] == arm], str(shift), _begin(titles.get(arm, arm)))


def _of_training(own: pd.DataFrame, title: str) -> Answered:
    """Say at which stage training changes features least and most; the claim is about the lowest and the last."""
    found = pick(own, BEFORE_AFTER)
    values = found["value"].to_numpy(dtype=np.float64)
    if np.isnan(values).all():
        undefined = f"{title}: what training changes is undefined: all features are constant."
        return Answered(undefined, Measured(float("nan")), "not shown", LOWEST_LEAST, title)
    least, most = found.iloc[int(np.nanargmax(values))], found.iloc[int(np.nanargmin(values))]
    said = (
        f"{title}: training leaves stage {least['stage']} of {len(found)} ({least['name']}) most as it was, CKA "
        f"{text(least)} on the same images before and after, and changes stage {most['stage']} ({most['name']}) most, "
        f"CKA {text(most)}."
    )
    for comparison, name in ((SEEDS, "two trainings that differ in their seed"), (UNTRAINED, "two untrained networks")):
        control = pick(own, comparison)
        if len(control):
            said += f" Control: {name} have CKA {text(at_stage(control, most))} there."
    said += _where_shifts_enter(own)
    reused = pick(own, REUSED).iloc[0]
    measured = Measured(float(reused["value"]), float(reused["low"]), float(reused["high"]), note=_over(own))
    name = f"{title}: CKA of the lowest stage less that of the last, before and after training"
    return Answered(said, measured, verdict(measured, 0.0, None), LOWEST_LEAST, name)


def _of_shift(own: pd.DataFrame, shift: str, title: str) -> Answered:
    """Say at which stage the strongest level of a shift enters."""
    level = own[own["shift"] == shift]["severity"].max()
    at = own[(own["shift"] == shift) & (own["severity"] == level)]
    found, halves = pick(at, SHIFTED), pick(at, HALVES).iloc[0]
    name = f"{title}: {shift}@{level:g}, {HALVES}"
    measured = Measured(float(halves["value"]), float(halves["low"]), float(halves["high"]), note=_over(own))
    if (found["value"] > UNCHANGED).all():
        said = f"{title}: {shift}@{level:g} changes nothing at any stage: CKA is 1."
        return Answered(said, measured, "not shown", EARLY, name)
    if found["value"].isna().any():
        said = f"{title}: where {shift}@{level:g} enters is undefined: a stage's features are constant."
        return Answered(said, measured, "not shown", EARLY, name)
    enters, last = entry(found), found.iloc[-1]
    like = last if enters is None else enters
    if enters is None:
        said = (
            f"{title}: {shift}@{level:g} {nowhere(found)}: CKA between the clean and the shifted images is "
            f"{text(last)} at the last."
        )
    else:
        half = half_lost(found[found["stage"] >= enters["stage"]])
        said = (
            f"{title}: {shift}@{level:g} enters at {_stage(enters)} of {len(found)}, the first one where CKA between "
            f"the clean and the shifted images lies below {BELOW}: {text(enters)}. Half of the loss is there by "
            f"{_stage(half)}; at the last stage, CKA is {text(last)}."
        )
    seeds, untrained = pick(own, SEEDS), pick(at, SHIFTED_UNTRAINED)
    there = "there" if enters is None else "where it enters"
    if len(seeds):
        said += f" Control: another seed, on clean images, has {text(at_stage(seeds, like))} {there}."
    if len(untrained):
        said += f" Before training, the shift gives {text(at_stage(untrained, like))} {there}."
    return Answered(said, measured, verdict(measured, 0.0, None), EARLY, name)


def _where_shifts_enter(own: pd.DataFrame) -> str:
    """Say in short where each shift enters at its strongest level, and where more is lost; empty without shifts."""
    told = []
    for shift in dict.fromkeys(own[own["shift"] != ""]["shift"]):
        level = own[own["shift"] == shift]["severity"].max()
        at = own[(own["shift"] == shift) & (own["severity"] == level)]
        enters = entry(pick(at, SHIFTED))
        told.append(f"{shift}@{level:g} {'nowhere clearly' if enters is None else f'at {_stage(enters)}{_more(at)}'}")
    return f" Shifts enter: {'; '.join(told)}." if told else ""


def _more(at: pd.DataFrame) -> str:
    """Say in which half of the stages more is lost to a shift at one level; empty where the interval holds both."""
    halves = pick(at, HALVES).iloc[0]
    if halves["low"] > 0 or halves["high"] < 0:
        return f", and the {'lower' if halves['low'] > 0 else 'upper'} half of the stages loses more"
    return ""


def entry(found: pd.DataFrame) -> pd.Series | None:
    """Return the first stage whose CKA lies below `ALIKE` with its whole interval; None if there is none."""
    below = found[found["high"] < ALIKE]
    return below.iloc[0] if len(below) else None


def nowhere(found: pd.DataFrame) -> str:
    """Say of a shift that enters at no stage what is known: little changes only where whole intervals say so."""
    return "changes no stage much" if (found["low"] > ALIKE).all() else "enters nowhere clearly"


def half_lost(found: pd.DataFrame) -> pd.Series:
    """Return the first of some stages at which CKA has lost half of what it has lost where it is lowest."""
    lost = 1 - found["value"].to_numpy(dtype=np.float64)
    return found.iloc[int(np.argmax(lost >= lost.max() / 2))]


def _begin(title: str) -> str:
    return title[:1].upper() + title[1:]


def _stage(row: pd.Series) -> str:
    return f"stage {row['stage']} ({row['name']})"


def pick(rows: pd.DataFrame, comparison: str, seed: str = MEAN) -> pd.DataFrame:
    """Select the rows of a comparison, by stage; those of the mean over seeds by default."""
    chosen = rows[(rows["comparison"] == comparison) & (rows["seed"] == seed)]
    return chosen.sort_values("stage")


def at_stage(rows: pd.DataFrame, like: pd.Series) -> pd.Series:
    """Return the row of the stage that another row is about."""
    return rows.iloc[rows["stage"].tolist().index(like["stage"])]


def text(row: pd.Series) -> str:
    """Write a value with its interval; near 1, where two digits would hide its width, with three."""
    value, low, high = (float(row[column]) for column in ("value", "low", "high"))
    if high - low < NARROW:
        return f"{format_decimal(value)} [{format_decimal(low)}, {format_decimal(high)}]"
    return format_estimate(value, low, high)


def size(table: pd.DataFrame) -> str:
    """Say on what CKA was computed: images, patients, dimensions, grid."""
    first, pooled = table.iloc[0], int(table["grid"].iloc[0])
    dims = sorted(set(table["dimension"].astype(int)))
    cells = "their mean over the image" if pooled == 1 else f"their means over a grid of {pooled} x {pooled} cells"
    former = (
        " It was measured by an earlier version that compared images of one patient, too: features that share nothing "
        "but the patient look alike there. `medshift study run similarity` measures it again."
    )
    return (
        f"Debiased linear CKA on {first['images']:,} test images of {first['groups']:,} patients or other groups, the "
        f"same ones in every comparison{', and by pairs of different patients' if first['pairs'] == PAIRS else ''}; "
        f"channels enter as {cells}, {dims[0]:,} to {dims[-1]:,} numbers per stage; intervals are 95 %, by the "
        f"jackknife over groups.{'' if first['pairs'] == PAIRS else former}"
    )


def _over(own: pd.DataFrame) -> str:
    """Say what the interval is over; seeds are averaged, not drawn."""
    count = len(set(own["seed"]) - {MEAN})
    return f"The mean of {count} seeds; the interval is over patients." if count > 1 else "One seed."
