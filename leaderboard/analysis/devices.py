"""Whether compared entries were run on the same device, as a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from ..ranking.board import Board, Row
from ..ranking.source_models import ADAPTED, SOURCE, UNKNOWN, devices, same_models, uses_source_models
from .wording import joined


def device_caveat(board: Board) -> list[str]:
    """Write in one sentence which entries were run on which devices, if they differ; and who stands on other models."""
    return [sentence for sentence in (_different_devices(board.rows), _other_models(board.rows)) if sentence]


def _different_devices(rows: Sequence[Row]) -> str:
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        used = tuple(sorted(set(devices(row).values()) - {UNKNOWN}))
        if used:
            groups.setdefault(used, []).append(row.name)
    if len({device for used in groups for device in used}) < 2:
        return ""
    *fewer, most = sorted(groups, key=lambda used: (len(groups[used]), used))
    parts = [f"{joined(sorted(groups[used]))} on {' and '.join(used)}" for used in fewer]
    rest = f"all{' others' if fewer else ''} on {' and '.join(most)}"
    said = ", ".join([*parts, rest]).replace(" on ", f" {'was' if _alone(groups, fewer) else 'were'} run on ", 1)
    return (
        f"Devices differ: {said}. Training rounds differently on each, so trained weights differ as those of two seeds."
    )


def _alone(groups: dict[tuple[str, ...], list[str]], fewer: Sequence[tuple[str, ...]]) -> bool:
    """Return whether the sentence begins with a single entry."""
    return bool(fewer) and len(groups[fewer[0]]) == 1


def _other_models(rows: Sequence[Row]) -> str:
    """Name the methods that stand on other models than the `imagenet-finetune` that they are compared with."""
    sources = [row for row in rows if row.name == SOURCE and uses_source_models(row)]
    if not sources:
        return ""
    names = [
        row.name
        for row in rows
        if uses_source_models(row) and row.cards[0].baseline.name in ADAPTED and not same_models(row, sources[0])
    ]
    if not names:
        return ""
    verb = "adapts" if len(names) == 1 else "adapt"
    return (
        f"{joined(sorted(names))} {verb} other source models than those of {SOURCE} (devices, seeds or settings "
        "differ), so a difference to it is one of two trainings as well."
    )
