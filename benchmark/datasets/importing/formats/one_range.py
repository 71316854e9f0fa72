"""One range of values for files of several depths, which would blacken those of the lesser depth."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable

from .....shifts.errors import MedshiftError

SHOWN = 6  # domains


def refuse_one_range(domains: Iterable[str], depths: Iterable[int]) -> None:
    """Refuse one range for files whose values are not on one scale.

    Args:
        domains: Of the rows that the range would be used for.
        depths: Bits of the file of each of these rows; 0 for floats.

    Raises:
        MedshiftError: Their depths differ.
    """
    of: dict[str, set[int]] = defaultdict(set)
    for domain, depth in zip(domains, depths, strict=True):
        of[domain].add(depth)
    if len(set().union(*of.values())) < 2:
        return
    names = sorted(of)
    more = ", ..." if len(names) > SHOWN else ""
    each = ", ".join(f"{name} {'' if index else 'is '}of {_said(of[name])}" for index, name in enumerate(names[:SHOWN]))
    mixed = [name for name in names if len(of[name]) > 1]
    if mixed:
        what = f"leave it out, or save the files of {mixed[0]} in one depth"
    else:
        ends = ((name, "LOW,HIGH" if 0 in of[name] else f"0,{2 ** max(of[name]) - 1}") for name in names[:SHOWN])
        what = "give " + " ".join(f"--value-range {shlex.quote(f'{name}:{low_high}')}" for name, low_high in ends)
    raise MedshiftError(f"one --value-range for files of several depths: {each}{more}: {what}{'' if mixed else more}")


def _said(depths: set[int]) -> str:
    bits = " and ".join(str(depth) for depth in sorted(depths) if depth)
    return " and ".join([*([f"{bits} bits"] if bits else []), *(["floats"] if 0 in depths else [])])
