"""The findings of an audit, worst first, each with its figure and advice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist

from ..files.listed import pasted
from ..reporting.numbers import format_decimal
from ..scoring.intervals import TAIL
from .audit import Audit
from .confounding.candidates import EVERYWHERE
from .confounding.links import WEAKEST, Link
from .finding import GRAVE, NOTE, SERIOUS, Finding
from .fingerprint.fingerprint import Fingerprint
from .shallow_features import FAMILIES
from .shortcut_probe import ALL, DOMAIN, CrossDomainResult, ProbeResult
from .value_findings import value_findings

__all__ = ["GRAVE", "NOTE", "SERIOUS", "Finding", "findings"]

STRONG, CLEAR = 0.5, 0.3  # Cramer's V
SHORTCUT, SUSPECT = 0.9, 0.75  # AUC of the probe
LOST = 0.15  # loss of AUC in another domain from which the probe counts as a shortcut
DIFFERENT = 1.0  # severity from which a domain counts as different
LISTED = 3  # shifts named per domain
NAMED = 8  # places named in one finding


def findings(audit: Audit) -> list[Finding]:
    """Return the findings of an audit, worst first."""
    found = [*_leaks(audit), *_classes(audit), *_links(audit), *_shortcuts(audit), *_scanners(audit)]
    found += unplaced(audit.source, audit.fingerprints)
    if audit.values is not None:
        found += value_findings(audit.dataset, audit.values)
    return sorted(found, key=lambda finding: (-finding.weight, -finding.rank))


def _leaks(audit: Audit) -> Iterator[Finding]:
    counts, duplicates = audit.counts, audit.duplicates
    if counts.unsplit:
        yield Finding(GRAVE, f"the domains cannot be split: {counts.unsplit}", "medshift run refuses them so.", 5)
    if counts.in_several:
        where = _named([f"{pair.groups} in both {' and '.join(pair.domains)}" for pair in counts.shared], "; ")
        yield Finding(
            GRAVE,
            f"{_plural(counts.in_several, 'group')} appear{'s' if counts.in_several == 1 else ''} in several domains: "
            f"{where}",
            "Split by group across all domains, as medshift run does; never treat these domains as independent. If "
            "each site numbers its own patients from 1: --groups-per-domain.",
            9,
        )
    across = duplicates.count("group")
    if across:
        exact = duplicates.count("group", exact=True)
        inverted = duplicates.count("group", inverted=True)
        kinds = f"{exact} byte-identical{f', {inverted} inverted' if inverted else ''}"
        parts = [f"{duplicates.count(name)} across {name}s" for name in ("split", "domain") if duplicates.count(name)]
        yield Finding(
            GRAVE if duplicates.count("split") else SERIOUS,
            f"{_plural(across, 'pair')} of duplicate images in different groups ({kinds}"
            f"{'; ' if parts else ''}{', '.join(parts)})",
            "Put duplicates into the same group, or keep only one of them.",
            8,
        )
    if duplicates.count("label"):
        yield Finding(
            SERIOUS,
            f"{_plural(duplicates.count('label'), 'pair')} of duplicate images with different labels",
            "Check each pair: at least one of its labels is wrong.",
            7,
        )
    within = len(duplicates.pairs) - across
    if within:
        yield Finding(
            NOTE, f"{_plural(within, 'pair')} of duplicate images within a group", "They do not leak across splits.", 0
        )


def _classes(audit: Audit) -> Iterator[Finding]:
    images = audit.counts.images
    by_class: dict[str, list[tuple[str, int]]] = {}
    for domain, name, number in audit.counts.scarce:
        by_class.setdefault(name, []).append((domain, number))
    kept = [name for name in images.columns if name not in by_class]
    leave_out = f"Leave it out (--classes {pasted(kept)}), or treat" if len(kept) > 1 else "Treat"
    for name, places in by_class.items():
        where = _named([f"{_plural(number, 'image')} in {domain}" for domain, number in places])
        yield Finding(
            SERIOUS,
            f"class {name} is missing or scarce in {_plural(len(places), 'domain')}: {where}",
            f"{leave_out} its figures as unreliable.",
            6,
        )


def _links(audit: Audit) -> Iterator[Finding]:
    by_domain = {link.column: link for link in audit.links if link.target == "domain"}
    for link in _told(audit.links):
        figure = f"V {format_decimal(link.strength, 2)} [{format_decimal(link.low, 2)}, {format_decimal(link.high, 2)}]"
        where = "" if link.where == EVERYWHERE else f" within {link.where}"
        if link.column == "domain":
            yield Finding(
                SERIOUS if link.strength >= CLEAR else NOTE,
                f"the class mix differs between domains: {link.extremes()} ({figure})",
                "Score with balanced accuracy or AUROC; a model may infer the class from the scanner.",
                link.strength,
            )
        elif link.determines and not link.visible:
            yield Finding(
                SERIOUS if link.where == EVERYWHERE else NOTE,
                f"column {link.column} determines the label{where}: {link.extremes()} ({figure})",
                "If it says how images were taken, a model can tell the label by that alone: collect images of each "
                "class from each of its levels, and do not train on these. If it subdivides or repeats the label: "
                "never use it as an input.",
                link.strength,
            )
        else:
            with_domain = by_domain.get(link.column)
            also = ""
            if with_domain is not None and with_domain.significant and with_domain.strength >= STRONG:
                also = f"; it is also associated with the domain (V {format_decimal(with_domain.strength, 2)})"
            yield Finding(
                GRAVE if link.strength >= STRONG else SERIOUS if link.strength >= 2 * WEAKEST else NOTE,
                f"{link.column} is associated with the label{where}: {link.extremes()} ({figure}){also}",
                "Any trace of it in the image is a shortcut: match or stratify by it, and report figures within each "
                "of its levels.",
                link.strength,
            )


def _told(links: Sequence[Link]) -> list[Link]:
    """Choose one link to the label per column, and of the domain one per place.

    A column that determines the label everywhere is told as such. Within one domain, it may do so merely because that
    has few images, so the strongest other link is told.
    """
    found: dict[str, list[Link]] = {}
    for link in links:  # strongest first
        if link.target == "label" and link.significant:
            found.setdefault(f"{link.column}{link.where}" if link.column == "domain" else link.column, []).append(link)
    return [
        min(own, key=lambda link: (not (link.determines and link.where == EVERYWHERE), link.determines))
        for own in found.values()
    ]


def _is_lost(result: ProbeResult, elsewhere: Sequence[CrossDomainResult]) -> bool:
    """Return whether a probe fails in some other domain: figure and upper end of the interval are lower than here.

    The interval is widened for the number of domains (Bonferroni).
    """
    normal = NormalDist().inv_cdf
    wider = normal(1 - TAIL / max(len(elsewhere), 1)) / normal(1 - TAIL)
    return any(
        other.area < result.area - LOST and other.area + wider * (other.high - other.area) < result.area
        for other in elsewhere
    )


def _shortcuts(audit: Audit) -> Iterator[Finding]:
    for result in audit.probes:
        if result.family != ALL or not result.low >= SUSPECT:  # NaN: unknown
            continue
        if result.where == DOMAIN:
            yield Finding(
                NOTE,
                f"simple image statistics predict the domain with AUC {_area(result)}",
                "The domains look different; expect a model to do worse on a new one.",
                0.1,
            )
            continue
        name = result.where
        elsewhere = [other for other in audit.cross_domain if other.trained == name]
        worst = min(elsewhere, key=lambda other: other.area, default=None)
        lost = _is_lost(result, elsewhere)
        strongest = max(
            (other for other in audit.probes if other.where == name and other.family not in (ALL, "size")),
            key=lambda other: other.area,
        )
        text = (
            f"simple image statistics predict the label within {name} with AUC {_area(result)}"
            f" ({FAMILIES[strongest.family]} alone: {format_decimal(strongest.area, 2)})"
        )
        if worst is not None:
            text += f"; trained there, they reach {format_decimal(worst.area, 2)} in {worst.tested}"
        yield Finding(
            GRAVE if result.area >= SHORTCUT and lost else SERIOUS if lost else NOTE,
            text,
            "A model trained there need not learn the disease: do not train on this domain alone."
            if lost
            else "The classes may truly differ this way, or the domains share a shortcut: check what a network gains "
            "over this.",
            result.area,
        )


def _scanners(audit: Audit) -> Iterator[Finding]:
    for domain, places in audit.places.items():
        far = sorted(
            (place for place in places if place.severity >= DIFFERENT and place.low > 0.2 and not place.mixed),
            key=lambda place: -place.severity,
        )
        if far:
            nearest = ", ".join(f"{place.shift} {place.text}" for place in far[:LISTED])
            yield Finding(
                NOTE,
                f"{domain} differs from {audit.source} as much as one shift alone would at this severity: {nearest}",
                "Test these shifts first; image content may differ too, so severities are upper bounds.",
                far[0].severity / 100,
            )


def unplaced(source: str, fingerprints: Sequence[Fingerprint]) -> Iterator[Finding]:
    """Yield which domains have no place on the severity scales of shifts, as one group shows no spread.

    Args:
        source: The domain that the others are compared with.
        fingerprints: One per domain.
    """
    single = [found.domain for found in fingerprints if found.count < 2]
    if len(fingerprints) < 2 or not single:
        return
    every = source in single
    which = source if every else _named(single)
    what = "no domain is" if every else "it is not" if len(single) == 1 else "they are not"
    yield Finding(
        NOTE,
        f"{which} {'have' if len(single) > 1 and not every else 'has'} images of a single group only: {what} placed on "
        "the severity scales of shifts",
        "What differs there may be that patient: images of more patients are needed.",
        0.05,
    )


def _named(places: Sequence[str], between: str = ", ") -> str:
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    return between.join(places[:NAMED]) + more


def _area(result: ProbeResult) -> str:
    return f"{format_decimal(result.area)} [{format_decimal(result.low, 2)}, {format_decimal(result.high, 2)}]"


def _plural(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'s' if number != 1 else ''}"
