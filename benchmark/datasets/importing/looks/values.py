"""Notes on the values of all images: depth, outliers, padding and images of one value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ....files.wording import percent
from ...value_limits import DEPTHS, LITTLE, OUTLYING
from .depths import MOST_DOMAINS, few, inverted_sites, range_option, site_depths, top_of, used_bits

SHOWN = 3  # names
BELOW_AIR = -1100  # air is -1000 in CT, and its scale begins at -1024
GAP = 0.1  # of the range: between padding and the values of the image


def constant_notes(names: NDArray[np.object_], domains: NDArray[np.object_], constant: NDArray[np.bool_]) -> list[str]:
    """Return notes on images of which every pixel is the same, and on sites that have no others."""
    if not constant.any():
        return []
    found = names[constant]
    first = ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
    made = [f"{len(found):,} images are constant, all pixels of each the same: {first}"]
    for name in sorted(set(domains)):
        of = domains == name
        if constant[of].all():
            made.append(f"ALL {int(of.sum()):,} IMAGES OF {name} ARE CONSTANT: nothing can be seen in them")
    return made


def depth_notes(
    names: NDArray[np.object_],
    domains: NDArray[np.object_],
    least: NDArray[np.float64],
    greatest: NDArray[np.float64],
    bits: NDArray[np.int64],
    exact: NDArray[np.bool_],
    each: bool = False,
) -> list[str]:
    """Return a note on integers that use little of their scale, in all domains or in some.

    Args:
        names: Of the images.
        domains: Of the images.
        least: Least value of each image.
        greatest: Greatest value of each image.
        bits: Depth of the scale of each image.
        exact: Whether the greatest value of each image is exact, not rounded up to 8 bits.
        each: Whether to advise a range for each domain, because others have one already.
    """
    if inverted := inverted_sites(domains, least, greatest, bits):
        return [inverted]
    if differ := site_depths(domains, greatest, bits, exact):
        return [differ]
    if len(set(bits.tolist())) > 1:
        return []  # files of two types have no range in common
    whole = int(bits[0])
    depth = max(used_bits(top_of(greatest[domains == name]), whole) for name in set(domains))
    of = sorted(set(domains))[:MOST_DOMAINS] if each else [""]
    scale = 2**whole - 1
    if depth < whole:
        above = np.flatnonzero(greatest >= 2**depth)
        if not len(above):
            top = f"is {greatest.max():,.0f}" if exact.all() else f"is below {2**depth:,}"
            what = f"the greatest of all values {top}"
        else:
            one = f" ({names[above[0]]} reaches {greatest[above[0]]:,.0f})" if exact.all() else ""
            what = f"all but {len(above):,} of {len(names):,} images stay below {2**depth:,}{one}"
        uses = f"values use {percent((2**depth - 1) / scale)} of the scale"
        options = " ".join(range_option(name, 0, 2**depth - 1) for name in of)
        return [f"{what}: {depth} bits in {whole}? {options} ({uses})"]
    low, high = _inner(least, greatest)
    if high - low < LITTLE * scale:  # perhaps above an offset, as signed values stored as unsigned have
        uses = f"{percent((high - low) / scale)} of the scale"
        options = " ".join(range_option(name, low, high) for name in of)
        return [f"values lie between {low:,.0f} and {high:,.0f}, {uses}: {options}"]
    return []


def float_notes(
    names: NDArray[np.object_],
    domains: NDArray[np.object_],
    least: NDArray[np.float64],
    greatest: NDArray[np.float64],
    second: NDArray[np.float64],
) -> list[str]:
    """Return notes on floats whose least and greatest are decided by a few images, by one site, or by padding.

    Args:
        names: Of the images.
        domains: Of the images.
        least: Least value of each image.
        greatest: Greatest value of each image.
        second: What follows the least value of each image; NaN where that was not looked at.
    """
    made = _padding(least, greatest, second)
    low, high = float(least.min()), float(greatest.max())
    for end, verb, others in ((greatest, "reaches", "at most"), (-least, "falls to", "at least")):
        found = _outliers(end, high - low)
        if not len(found) or (made and end is not greatest):
            continue
        rest = np.delete(end, found)
        sign = 1 if end is greatest else -1
        lead = f"{names[found[0]]} alone" if len(found) == 1 else f"{len(found):,} images (first {names[found[0]]})"
        verb = verb if len(found) == 1 else {"reaches": "reach", "falls to": "fall to"}[verb]
        bounds = (low, float(rest.max())) if sign == 1 else (-float(rest.max()), high)
        holds = "holds" if len(found) == 1 else "hold"
        share = percent(1 - (bounds[1] - bounds[0]) / (high - low))
        made.append(
            f"{lead} {verb} {sign * end[found].max():,.6g}, all others {sign * rest.max():,.6g} {others}, and "
            f"{holds} {share} of the range: --value-range {bounds[0]:.6g},{bounds[1]:.6g}"
        )
    if made:
        return made
    tops = {name: _inner(least[domains == name], greatest[domains == name])[1] for name in sorted(set(domains))}
    by_size = sorted(tops, key=lambda name: tops[name])
    floor = min(low, 0.0)
    if 0 < DEPTHS * (tops[by_size[0]] - floor) <= tops[by_size[-1]] - floor:
        shown = by_size if len(tops) <= MOST_DOMAINS else [by_size[0], by_size[-1]]
        values = ", ".join(f"{name} {tops[name]:,.6g}" for name in shown)
        made.append(f"greatest value: {values}: do the sites differ in units? --value-range DOMAIN:LOW,HIGH for each")
    return made


def _padding(least: NDArray[np.float64], greatest: NDArray[np.float64], second: NDArray[np.float64]) -> list[str]:
    """Return a note on a least value that many images share and that is far below all others."""
    values, counts = np.unique(least[least < BELOW_AIR], return_counts=True)
    if not len(values) or counts.max() < max(2, few(len(least)) + 1):
        return []
    value = float(values[counts.argmax()])
    padded = least == value
    following = float(np.median(second[padded]))
    if following - value < GAP * (float(greatest[padded].max()) - value):
        return []
    return [
        f"{value:,.6g} is the least value of {int(padded.sum()):,} images and far below all others "
        f"({following:,.6g} and more): padding? --value-range LOW,HIGH or --window"
    ]


def _outliers(ends: NDArray[np.float64], whole: float) -> Sequence[int]:
    """Return the few images without which the values would use little of the range; empty if there are none."""
    order = np.argsort(ends, kind="stable")
    for count in range(1, few(len(ends)) + 1):
        if ends[order[-1]] - ends[order[-1 - count]] > OUTLYING * whole:
            return [int(index) for index in sorted(order[-count:])]
    return []


def _inner(least: NDArray[np.float64], greatest: NDArray[np.float64]) -> tuple[float, float]:
    """Return the least and the greatest value of all but a few images."""
    out = few(len(least))
    return float(np.sort(least)[out]), float(np.sort(greatest)[-1 - out])
