"""Match ids of predictions to samples where only the folder, the ending or leading zeros differ."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import pandas as pd

from ..files.wording import plural
from ..protocols.protocol import Protocol
from ..protocols.truth import truth_of

ENDING = re.compile(r"(?<=[^.])(\.[A-Za-z][A-Za-z0-9]{1,4})(\.gz)?$")


def match_ids(table: pd.DataFrame, protocol: Protocol, truth: pd.DataFrame) -> tuple[pd.DataFrame, list[str], str]:
    """Replace ids that belong to no sample by the one sample of their condition that they can stand for.

    All of them have to be matched: else nothing is replaced.

    Args:
        table: With the columns `condition` and `sample_id`, as text.
        protocol: Says which samples a condition has.
        truth: Its truth.

    Returns:
        The table, notes on what was matched, and a hint where ids are ambiguous.
    """
    unknown = ~table["sample_id"].isin(set(truth["sample_id"]))
    if not unknown.any():
        return table, [], ""
    conditions: dict[tuple[str, str], list[str]] = {}
    samples: dict[tuple[str, str], list[str]] = {}
    for condition in protocol.conditions():
        where = condition.domain, condition.split
        conditions.setdefault(where, []).append(condition.key)
        if where not in samples:
            samples[where] = truth_of(truth, condition)["sample_id"].tolist()
    ids = table["sample_id"].copy()
    changed: dict[str, str] = {}
    for where, keys in conditions.items():
        rows = unknown & table["condition"].isin(set(keys))
        given = table["sample_id"][rows].drop_duplicates().tolist()
        found, ambiguous = _matches(given, samples[where])
        if ambiguous:
            first = next(iter(ambiguous))
            return table, [], f" {first!r} may be {' or '.join(map(repr, ambiguous[first][:2]))}: give the whole id."
        if len(found) < len(given) or len(set(found.values())) < len(found):
            return (
                table,
                [],
                f" Ids look like {samples[where][0]!r}, as in ids.csv of an export." if samples[where] else "",
            )
        ids[rows] = table["sample_id"][rows].map(found)
        changed |= {sample: each for each, sample in found.items()}
    if not changed:
        return table, [], ""
    other, one = next(iter(changed.items()))
    note = f"{plural(len(changed), 'sample id')} matched without folder, ending or leading zeros, e.g. {one} is {other}"
    return table.assign(sample_id=ids), [note], ""


def _matches(given: Iterable[str], samples: Sequence[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return id -> its sample where there is one, and id -> its samples where there are several."""
    by_stem = defaultdict(list)
    for sample in samples:
        by_stem[_stem(_parts(sample)[-1])].append(sample)
    found, ambiguous = {}, {}
    for each in given:
        parts = _parts(each)
        near = [sample for sample in by_stem[_stem(parts[-1])] if _same_folders(parts, _parts(sample))]
        exact = [sample for sample in near if _parts(sample)[-1] == parts[-1]]
        near = exact or near
        if len(near) == 1:
            found[each] = near[0]
        elif near:
            ambiguous[each] = near
    return found, ambiguous


def _parts(name: str) -> list[str]:
    return [part for part in name.strip().replace("\\", "/").split("/") if part not in ("", ".")] or [""]


def _stem(name: str) -> str:
    """Strip ending and leading zeros, which spreadsheets remove."""
    stem = ENDING.sub("", name).lower()
    return stem.lstrip("0") or "0" if stem.isdigit() else stem


def _same_folders(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether the folders of one path end with those of the other."""
    depth = min(len(one), len(other)) - 1
    return depth == 0 or list(one[-1 - depth : -1]) == list(other[-1 - depth : -1])
