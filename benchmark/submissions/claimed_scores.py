"""The scores that a card claims, held against those of the predictions beside it."""

from __future__ import annotations

from ..files.wording import plural
from ..protocols.protocol import Protocol
from ..scoring.scores import Scores
from .card import CARD_FILE, Card, claimed_values

CLAIM_TOLERANCE = 1e-6


def claim_problems(card: Card, protocol: Protocol, scored: Scores) -> list[str]:
    """List claimed scores that differ from those of the predictions, are missing, or are unknown."""
    ours = {key: value for key, value in claimed_values(scored).items() if key[1] in protocol.metrics}
    theirs = {(c.condition, c.metric): c.value for c in card.scores}
    found = []
    if len(theirs) != len(card.scores):
        found.append(f"{CARD_FILE}: a score is repeated")
    for what, lacking in (("lacks", ours.keys() - theirs.keys()), ("has", theirs.keys() - ours.keys())):
        if lacking:
            condition, metric = min(lacking)
            count = plural(len(lacking), "score" if what == "lacks" else "unknown score")
            found.append(f"{CARD_FILE}: {what} {count}, e.g. {metric[:80]} of {condition[:80]!r}")
    differing = sorted(key for key in ours.keys() & theirs.keys() if not _same(ours[key], theirs[key]))
    if differing:
        condition, metric = differing[0]
        found.append(
            f"{CARD_FILE}: the predictions do not reproduce {plural(len(differing), 'claimed score')}, e.g. {metric} "
            f"of {condition!r} is {ours[differing[0]]}, claimed {theirs[differing[0]]}"
        )
    return found


def _same(ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return abs(ours - theirs) <= CLAIM_TOLERANCE
