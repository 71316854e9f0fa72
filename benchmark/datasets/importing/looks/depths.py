"""How many bits the values of each site use, and whether the sites differ in that."""

from __future__ import annotations

import shlex

import numpy as np
from numpy.typing import NDArray

from ...value_limits import DEPTHS, USUAL

BITS = (1, 2, 4, 6, 8, 10, 12, 14)  # bits that files use of a deeper type
MOST_DOMAINS = 6  # that are listed


def few(count: int) -> int:
    """Return how many of `count` images may be outliers."""
    return max(int(count * USUAL), int(count >= 10))


def top_of(greatest: NDArray[np.float64]) -> float:
    """Return the greatest value of all but a few images."""
    return float(np.sort(greatest)[-1 - few(len(greatest))])


def used_bits(top: float, bits: int) -> int:
    """Return the depth that a value fits in; that of the scale if it is not much smaller."""
    return next((depth for depth in BITS if (depth >= 8 or bits == 8) and depth <= bits - 2 and top < 2**depth), bits)


def range_option(domain: str, low: float, high: float) -> str:
    """Return the option that gives a domain a range, to be pasted into a shell; all domains if it is empty."""
    text = f"{low:.0f},{high:.0f}"
    return f"--value-range {shlex.quote(f'{domain}:{text}') if domain else text}"


def inverted_sites(
    domains: NDArray[np.object_],
    least: NDArray[np.float64],
    greatest: NDArray[np.float64],
    bits: NDArray[np.int64],
) -> str:
    """Return a note on sites that seem to be inverted within a scale too deep for them; empty if none, or all, are.

    12 bits of MONOCHROME1 in files that state 16 come to lie just below 65,535. To narrow the other sites only would
    leave these white.

    Args:
        domains: Of the images.
        least: Least value of each image.
        greatest: Greatest value of each image.
        bits: Depth of the scale of each image.
    """
    ranges: dict[str, tuple[int, int]] = {}
    inverted = []
    for name in sorted(set(domains)):
        of = domains == name
        scale = int(bits[of].max())
        end = 2**scale - 1
        below_white = used_bits(top_of(end - least[of]), scale)
        if 8 < scale > below_white:
            inverted.append(name)
            ranges[name] = (end + 1 - 2**below_white, end)
        else:
            ranges[name] = (0, 2 ** used_bits(top_of(greatest[of]), scale) - 1)
    if not inverted or len(inverted) == len(ranges):
        return ""
    shown = [*inverted[:MOST_DOMAINS], *[name for name in ranges if name not in inverted][:MOST_DOMAINS]]
    values = ", ".join(
        f"{name} {least[domains == name].min():,.0f} to {greatest[domains == name].max():,.0f}" for name in shown
    )
    which = " and ".join(inverted[:MOST_DOMAINS])
    options = " ".join(range_option(name, *ranges[name]) for name in shown)
    return f"values: {values}: {which} inverted (MONOCHROME1) within too many bits? {options}"


def site_depths(
    domains: NDArray[np.object_],
    greatest: NDArray[np.float64],
    bits: NDArray[np.int64],
    exact: NDArray[np.bool_],
) -> str:
    """Return a note on sites that seem to differ in depth, with a range for each; empty if they do not.

    A wrong range reverses which site is brighter. So a depth is suspected only where the greatest value of a site is
    clearly below that of another, and fills at least half of the range.

    Args:
        domains: Of the images.
        greatest: Greatest value of each image.
        bits: Depth of the scale of each image.
        exact: Whether the greatest value of each image is exact, not rounded up to 8 bits.
    """
    found = sorted(set(domains))
    scales = {name: int(bits[domains == name].max()) for name in found}
    tops = {name: top_of(greatest[domains == name]) for name in found}
    alike: list[list[str]] = []  # sites whose greatest values do not differ clearly, on one scale
    share = {name: (tops[name] + 1) / 2 ** scales[name] for name in found}
    for name in sorted(found, key=lambda name: share[name]):
        if not alike or share[name] >= DEPTHS * share[alike[-1][-1]]:
            alike.append([])
        alike[-1].append(name)
    used: dict[str, int] = {}
    for sites in alike:
        unused = min(scales[name] - used_bits(tops[name], scales[name]) for name in sites)
        used.update({name: scales[name] - unused for name in sites})
    if len({scales[name] - used[name] for name in found}) < 2:
        return ""
    if any(tops[sites[-1]] < 2 ** (used[sites[-1]] - 1) for sites in alike[:-1]):
        return ""
    by_size = [name for sites in alike for name in sites]
    shown = by_size if len(found) <= MOST_DOMAINS else [by_size[0], by_size[-1]]
    values = ", ".join(
        f"{name} {_told(greatest[domains == name], tops[name], exact[domains == name])}" for name in shown
    )
    below = [name for name in shown if used[name] < scales[name]]  # others keep their scale without an option
    options = " ".join(range_option(name, 0, 2 ** used[name] - 1) for name in below)
    return f"greatest value: {values}: do the sites differ in depth? {options}"


def _told(greatest: NDArray[np.float64], top: float, exact: NDArray[np.bool_]) -> str:
    """Return the greatest value of a site, and how many images have greater ones."""
    more = int((greatest > top).sum())
    most = f"{top:,.0f}" if exact.all() else f"below {top + 1:,.0f}"
    return f"{most} ({more:,} image{'s' if more > 1 else ''} beyond)" if more else most
