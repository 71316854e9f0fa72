"""The verdict: what stands out in an audit, worst first, each with its figure and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..reporting.numbers import format_decimal
from .audit import Audit
from .confounding.candidates import EVERYWHERE
from .confounding.links import SOME, Link
from .shallow_features import FAMILIES
from .shortcut_probe import ALL, DOMAIN, ProbeResult

GRAVE, SERIOUS, NOTE = 3, 2, 1
STRONG, CLEAR = 0.5, 0.3  # Cramer's V
SHORTCUT, SUSPECT = 0.9, 0.75  # AUC
LOST = 0.15  # AUC that a probe loses elsewhere, for it to be a shortcut
DIFFERENT = 1.0  # severity
LISTED = 3  # shifts of a domain


@dataclass(frozen=True)
class Finding:
    """A line of the verdict.

    Args:
        weight: `GRAVE`, `SERIOUS` or `NOTE`.
        text: What, with its figure.
        advice: What to do.
        rank: Orders findings of one weight, the highest first.
    """

    weight: int
    text: str
    advice: str
    rank: float = 0.0


def findings(audit: Audit) -> list[Finding]:
    """Returns the findings, worst first."""
    found = [*_leaks(audit), *_classes(audit), *_links(audit), *_shortcuts(audit), *_scanners(audit)]
    return sorted(found, key=lambda finding: (-finding.weight, -finding.rank))


def _leaks(audit: Audit) -> Iterator[Finding]:
    counts, twice = audit.counts, audit.duplicates
    if counts.unsplit:
        yield Finding(GRAVE, f"the domains cannot be split: {counts.unsplit}", "Choose other classes or domains.", 5)
    if counts.in_several:
        where = "; ".join(f"{number} in both {one} and {other}" for one, other, number in counts.shared)
        yield Finding(
            GRAVE,
            f"{_many(counts.in_several, 'group')} stand{'s' if counts.in_several == 1 else ''} in several domains: "
            f"{where}",
            "Split by group over all domains, as medshift run does; never count these domains as independent.",
            9,
        )
    across = twice.count("group")
    if across:
        exact = twice.count("group", exact=True)
        parts = [f"{twice.count(name)} across {name}s" for name in ("split", "domain") if twice.count(name)]
        yield Finding(
            GRAVE if twice.count("split") else SERIOUS,
            f"{_many(across, 'pair')} of duplicate images in different groups ({exact} to the byte"
            f"{'; ' if parts else ''}{', '.join(parts)})",
            "Give duplicates one group, or drop all but one.",
            8,
        )
    if twice.count("label"):
        yield Finding(
            SERIOUS,
            f"{_many(twice.count('label'), 'pair')} of duplicate images with different labels",
            "Look at them below: one of the two labels is wrong.",
            7,
        )
    within = len(twice.pairs) - across
    if within:
        yield Finding(NOTE, f"{_many(within, 'pair')} of duplicate images within a group", "They do not leak.", 0)


def _classes(audit: Audit) -> Iterator[Finding]:
    images = audit.counts.images
    by_class: dict[str, list[tuple[str, int]]] = {}
    for domain, name, number in audit.counts.scarce:
        by_class.setdefault(name, []).append((domain, number))
    kept = [name for name in images.columns if name not in by_class]
    leave = f"Leave it out (--classes {','.join(kept)}), or expect" if len(kept) > 1 else "Expect"
    for name, places in by_class.items():
        where = ", ".join(f"{number or 'none'} in {domain}" for domain, number in places)
        yield Finding(
            SERIOUS,
            f"class {name} is missing or nearly so in {_many(len(places), 'domain')}: {where}",
            f"{leave} figures that rest on these few.",
            6,
        )


def _links(audit: Audit) -> Iterator[Finding]:
    domain = {link.column: link for link in audit.links if link.target == "domain"}
    best: dict[str, Link] = {}
    for link in audit.links:  # strongest first
        if link.target == "label" and link.significant:
            best.setdefault(f"{link.column}{link.where}" if link.column == "domain" else link.column, link)
    for link in best.values():
        figure = f"V {format_decimal(link.strength, 2)} [{format_decimal(link.low, 2)}, {format_decimal(link.high, 2)}]"
        where = "" if link.where == EVERYWHERE else f" within {link.where}"
        if link.column == "domain":
            yield Finding(
                SERIOUS if link.strength >= CLEAR else NOTE,
                f"the mix of classes differs between domains: {link.extremes()} ({figure})",
                "Score with balanced accuracy or AUROC; a model may tell the class by the scanner.",
                link.strength,
            )
        elif link.determines:
            yield Finding(
                NOTE,
                f"column {link.column} fixes the label{where}: {link.extremes()} ({figure})",
                "It is a finer name of the label, or gives it away: never an input.",
                link.strength,
            )
        else:
            own = domain.get(link.column)
            tells = own is not None and own.significant and own.strength >= STRONG
            told = f"; it also tells the domain (V {format_decimal(own.strength, 2)})" if own and tells else ""
            yield Finding(
                GRAVE if link.strength >= STRONG else SERIOUS if link.strength >= 2 * SOME else NOTE,
                f"{link.column} goes with the label{where}: {link.extremes()} ({figure}){told}",
                "What shows it in the image is a shortcut: match or stratify by it, and report figures within its "
                "levels.",
                link.strength,
            )


def _shortcuts(audit: Audit) -> Iterator[Finding]:
    within = {probed.where: probed for probed in audit.probed if probed.family == ALL}
    for name, probed in within.items():
        if name == DOMAIN:
            if probed.low >= SUSPECT:
                yield Finding(
                    NOTE,
                    f"features without fine shape tell the domain with AUC {_area(probed)}",
                    "Domains look different; expect a model to lose on the next.",
                    0.1,
                )
            continue
        if probed.low < SUSPECT:
            continue
        elsewhere = [moved for moved in audit.moved if moved.learnt == name]
        worst = min(elsewhere, key=lambda moved: moved.area, default=None)
        lost = worst is not None and worst.area < probed.area - LOST
        strongest = max(
            (p for p in audit.probed if p.where == name and p.family not in (ALL, "size")), key=lambda p: p.area
        )
        text = (
            f"features without fine shape tell the label within {name} with AUC {_area(probed)}"
            f" ({FAMILIES[strongest.family]} alone: {format_decimal(strongest.area, 2)})"
        )
        if worst is not None:
            text += f"; learnt there, they reach {format_decimal(worst.area, 2)} in {worst.tested}"
        yield Finding(
            GRAVE if probed.area >= SHORTCUT and lost else SERIOUS if lost else NOTE,
            text,
            "What is learnt there need not be the disease: do not train on it alone."
            if lost
            else "The class may truly look so, or share a shortcut: compare with what a network gains over this.",
            probed.area,
        )


def _scanners(audit: Audit) -> Iterator[Finding]:
    for domain, places in audit.places.items():
        far = sorted(
            (place for place in places if place.severity >= DIFFERENT and place.low > 0.2 and not place.mixed),
            key=lambda place: -place.severity,
        )
        if far:
            shown = ", ".join(f"{place.shift} {place.text}" for place in far[:LISTED])
            yield Finding(
                NOTE,
                f"{domain} differs from {audit.source} as much as severity {shown} would alone",
                "Test these shifts first; contents may differ, too, so this is an upper bound.",
                far[0].severity / 100,
            )


def _area(probed: ProbeResult) -> str:
    return f"{format_decimal(probed.area)} [{format_decimal(probed.low, 2)}, {format_decimal(probed.high, 2)}]"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
