"""What a card claims, held against its folder, its protocol, medshift's own baselines and its predictions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..contract import registry
from ..files.wording import plural
from ..protocols.protocol import Protocol
from ..scoring.scores import Scores
from .card import CARD_FILE, Card, claimed_values
from .fields import OWN, SEED_FOLDER, entry_name

CLAIM_TOLERANCE = 1e-6
NAMED = re.compile(r"\+([A-Za-z_][A-Za-z0-9_]*)=")  # a setting in the name of an entry
CUT = 119  # characters of the name of an entry that was cut (`entry_name`), and no longer states all of its settings


def card_problems(card: Card, folder: Path, protocol: Protocol, rows: int) -> list[str]:
    """List contradictions between a card and its protocol, its folders, its own settings, and medshift's baselines.

    Args:
        card: The card.
        folder: Its submission, `.../ENTRY/seed-N`.
        protocol: Its protocol.
        rows: How many rows its predictions must have (`Expected.rows`).
    """
    folder, dataset = folder.absolute(), protocol.dataset
    seed = SEED_FOLDER.fullmatch(folder.name)
    must_agree: list[tuple[str, object, object]] = [
        ("protocol.name", card.protocol.name, protocol.name),
        ("protocol.version", card.protocol.version, protocol.version),
        ("protocol.sha256", card.protocol.sha256, protocol.sha256),
        ("dataset.name", card.dataset.name, dataset.name),
        ("dataset.version", card.dataset.version, dataset.version),
        ("dataset.truth_sha256", card.dataset.truth_sha256, protocol.truth_sha256),
        ("entry", card.entry, folder.parent.name),
        ("seed", card.seed, int(seed[1]) if seed else folder.name),
        ("predictions.rows", card.predictions.rows, rows),
        ("shifts", sorted(card.shifts), sorted(protocol.shifts)),
    ]
    found = [f"{name} is {str(have)[:80]}, not {str(want)[:80]}" for name, have, want in must_agree if have != want]
    return [f"{CARD_FILE}: {problem}" for problem in [*found, *_name_problems(card), *_origin_problems(card)]]


def _name_problems(card: Card) -> Iterator[str]:
    """Yield what the name of an entry states that its card does not; `verify` finds settings that it leaves out."""
    if card.entry.split("+")[0] != card.baseline.name:
        yield f"entry {card.entry!r} does not begin with its baseline {card.baseline.name!r}"
        return
    if card.baseline.external or len(card.entry) >= CUT:
        return
    known = card.baseline.config | {"precision": card.environment.precision}
    known |= {"tune": card.tuning.draws} if card.tuning else {}
    stated = NAMED.findall(card.entry)
    foreign = [name for name in stated if name not in known]
    if foreign:
        yield f"entry {card.entry!r} states {foreign[0]!r}, which the card does not have"
    elif (made := entry_name(card.baseline.name, {name: known[name] for name in stated})) != card.entry:
        yield f"entry is {card.entry}, but its settings in the card make it {made}"


def _origin_problems(card: Card) -> Iterator[str]:
    """Yield false claims about medshift's own baselines, which are known here."""
    claim, shown = card.baseline, card.baseline.distribution[:80]
    own = claim.distribution.split()[:1] == [OWN]
    if own and claim.name not in registry.BUILTINS:
        yield f"baseline.distribution is {shown}, which has no baseline {claim.name!r}"
    elif own and claim.sees != (sees := registry.BUILTINS[claim.name].sees):
        yield f"baseline.sees is {claim.sees}, but medshift's {claim.name!r} has {sees}"
    elif not own and not claim.external and claim.name in registry.BUILTINS:
        yield f"baseline.distribution is {shown}, but {claim.name!r} is medshift's own"


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
