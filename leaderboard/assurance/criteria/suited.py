"""Check that criteria suit a protocol: its classes, sites, shifts and severities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ....benchmark.protocols.protocol import CriteriaClaim, Protocol
from ....benchmark.runs.sweeps.file import SweepFile
from ....benchmark.severity.physical_scale import scale
from ....shifts.errors import near
from .criterion import EVERY, OTHER, Criterion, claim
from .file import TABLE, read_criteria


def registrar(path: Path | None) -> Callable[[Protocol], CriteriaClaim | None]:
    """Read criteria, and return a function that gives what is recorded of them for a protocol that they suit.

    A command reads them before anything slow, and has its protocol later.

    Args:
        path: The file; None for no criteria, of which nothing is recorded.

    Raises:
        MedshiftError: The file is wrong; the function raises it where the criteria do not suit the protocol.
    """
    if path is None:
        return lambda protocol: None
    criteria, file = read_criteria(path)
    return lambda protocol: register(criteria, file, protocol)


def register(criteria: Sequence[Criterion], file: SweepFile, protocol: Protocol) -> CriteriaClaim:
    """Return what a card keeps of criteria that suit its protocol.

    Raises:
        MedshiftError: They do not suit it, or the protocol has other criteria.
    """
    require_suited(criteria, file, protocol)
    made = claim(criteria)
    if protocol.criteria is not None and protocol.criteria != made:
        file.fail(f"protocol {protocol.name!r} has other criteria: {differences(protocol.criteria, made)}")
    return made


def require_suited(criteria: Sequence[Criterion], file: SweepFile, protocol: Protocol) -> None:
    """Check that a protocol has what criteria name.

    Raises:
        MedshiftError: It lacks a class, a site, a shift or a severity; the message names the line and the key.
    """
    classes, sites = protocol.dataset.classes, (protocol.source, *protocol.targets)
    for number, criterion in enumerate(criteria):
        of = criterion.rule.class_
        if of and of not in classes:
            file.fail(f"no class {of[:80]!r}.{near(of, classes)}", TABLE, number, "class")
        unknown = [name for name in criterion.sites if name not in (EVERY, OTHER, *sites)]
        if unknown:
            file.fail(f"no site {unknown[0][:80]!r}.{near(unknown[0], sites)}", TABLE, number, "sites")
        of_others = criterion.sites == (EVERY,) and criterion.rule.limit == "loses_at_most"
        if (criterion.sites == (OTHER,) or of_others) and not protocol.targets:
            file.fail(f"there is no site but {protocol.source!r}", TABLE, number, "sites")
        if criterion.sites == (protocol.source,) and criterion.rule.limit == "loses_at_most":
            file.fail(f"a loss is against {protocol.source!r} itself", TABLE, number, "sites")
        if criterion.shift:
            _require_shift(file, number, criterion, protocol)


def end_of(criterion: Criterion) -> float:
    """Return the severity up to which a criterion under a shift must hold.

    Raises:
        ValueError: Its value lies off the shift's scale, which `require_suited` has refused.
    """
    if criterion.up_to_severity is not None:
        return criterion.up_to_severity
    severity = None if criterion.up_to is None else scale(criterion.shift).severity(criterion.up_to)
    if severity is None:
        raise ValueError(f"{criterion.up_to} is off the scale of {criterion.shift}")
    return severity


def differences(registered: CriteriaClaim, given: CriteriaClaim) -> str:
    """Name the criteria in which two sets differ: `'blur' was changed; 'every site' is missing`."""
    old, new = registered.criteria, given.criteria
    changed = [name for name in old if name in new and old[name] != new[name]]
    parts = [
        (changed, "was changed", "were changed"),
        ([name for name in old if name not in new], "is missing", "are missing"),
        ([name for name in new if name not in old], "was added", "were added"),
    ]
    found = []
    for names, one, several in parts:
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            found.append(f"{', '.join(map(repr, names[:3]))}{more} {one if len(names) == 1 else several}")
    return "; ".join(found)


def _require_shift(file: SweepFile, number: int, criterion: Criterion, protocol: Protocol) -> None:
    if criterion.shift not in protocol.shifts:
        text = f"protocol {protocol.name!r} has no shift {criterion.shift[:80]!r}."
        file.fail(text + near(criterion.shift, protocol.shifts), TABLE, number, "shift")
    if criterion.up_to is None:
        return
    found = scale(criterion.shift)
    if not found.ladder:
        file.fail(f"{criterion.shift} states no physical values: use up_to_severity", TABLE, number, "up_to")
    if not found.severity(criterion.up_to):
        steps = ", ".join(f"{value:g}" for value in found.values or ())
        file.fail(
            f"{criterion.up_to:g} is off the scale of {criterion.shift}, which is {steps} {found.unit}".rstrip(),
            TABLE,
            number,
            "up_to",
        )
