"""JPEG's colour conversion, cosine transform and quantisation, for many 8 x 8 blocks side by side.

The cosine transform is computed axis by axis in float32, which takes an eighth of the products of the exact matrix
`families.jpeg._cosines`, with an error below a known bound. Values so close to a rounding border that this error could
tip them are recomputed by the exact matrix, so results are always identical.

The bounds: float32 has a relative rounding error of 2**-24, incurred at most 14 times per value (products and sums
along two axes, and cosines), and the exact matrix's entries are within 2**-25 of the cosines. A coefficient sums up to
1,024 in magnitude, 64 values of 128 by entries whose squares sum to 1: an error of at most 1.1e-3. A pixel sums up to a
quarter, the largest entry, of the sum of the coefficients' magnitudes: an error of at most 2.4e-7 of that sum.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint32, uintp

from ..pixels import LUMA
from .compiler import Doubles, Floats, compiled
from .intrinsics import bits_of
from .pointwise import WHITE, clipped

F = np.float32
RED, GREEN, BLUE = (F(weight) for weight in LUMA)
EIGHT, HALF = uintp(8), uintp(4)
ONE, TWO, I3 = uintp(1), uintp(2), uintp(3)
SIZE = uintp(64)
ROOM = 112  # greatest number of blocks side by side, unless one row of them has more
OFF = F(2e-3)  # generous bound on a coefficient's error, scaling included
OFF_BACK = F(2.0**-21)  # bound on a pixel's error, as a fraction of the sum of its coefficients' magnitudes
TINY, TINY_BACK = F(1e-6), F(1e-4)  # margins for the roundings afterwards
EIGHTH = F(0.125)  # normalises a transform by `cosines` and its inverse
NEVER = F(-1e6)  # a sum of magnitudes that makes no pixel doubtful


def room(width: int) -> Floats:
    """Allocate work space of `quantise` for planes of this width: four copies of some rows of blocks, a sum per block.

    The number of rows is chosen so that the blocks fill vectors of eight.
    """
    across = width // 8
    rows = 8 // math.gcd(8, across)
    return np.empty((4 * 64 + 1, max(1, ROOM // (rows * across)) * rows * across), np.float32)


@compiled
def grey_levels(x: Floats, planes: Floats) -> bool:
    """Convert x, (P, H, W), to whole grey levels in planes, (P, h, w), repeating the last row and column.

    Returns whether all x are in [0, 1].
    """
    most = uint32(0)
    height, width = uintp(x.shape[1]), uintp(x.shape[2])
    for p in range(uintp(len(x))):
        for i in range(uintp(planes.shape[1])):
            row = min(i, height - ONE)
            for j in range(width):
                level = x[p, row, j]
                most = max(most, uint32(bits_of(level)))
                planes[p, i, j] = np.rint(level * F(255))
            for j in range(width, uintp(planes.shape[2])):
                planes[p, i, j] = planes[p, i, width - ONE]
    in_range: bool = most <= WHITE
    return in_range


@compiled
def from_grey_levels(planes: Floats, out: Floats) -> None:
    """Write the part of the planes that fits out, (P, H, W), scaled to [0, 1]."""
    for p in range(uintp(len(out))):
        for i in range(uintp(out.shape[1])):
            for j in range(uintp(out.shape[2])):
                out[p, i, j] = clipped(planes[p, i, j] / F(255))


@compiled
def to_ycc(x: Floats, luma: Floats, chroma: Floats) -> bool:
    """Convert images, (N, 3, H, W), to luma, (N, h, w), and chroma, (2, N, h, w), repeating the last row and column.

    Returns whether all x are in [0, 1].
    """
    most = uint32(0)
    height, width = uintp(x.shape[2]), uintp(x.shape[3])
    h, w = uintp(luma.shape[1]), uintp(luma.shape[2])
    for n in range(uintp(len(x))):
        for i in range(h):
            row = min(i, height - ONE)
            for j in range(width):
                r, g, b = x[n, 0, row, j], x[n, 1, row, j], x[n, 2, row, j]
                most = max(most, max(uint32(bits_of(r)), max(uint32(bits_of(g)), uint32(bits_of(b)))))
                r, g, b = np.rint(r * F(255)), np.rint(g * F(255)), np.rint(b * F(255))
                luma[n, i, j] = np.rint(r * RED + g * GREEN + b * BLUE)
                u = np.rint(b * F(0.5) - r * F(0.168735892) - g * F(0.331264108) + F(128))
                v = np.rint(r * F(0.5) - g * F(0.418687589) - b * F(0.081312411) + F(128))
                chroma[0, n, i, j] = min(max(u, F(0)), F(255))
                chroma[1, n, i, j] = min(max(v, F(0)), F(255))
            for j in range(width, w):
                luma[n, i, j] = luma[n, i, width - ONE]
                chroma[0, n, i, j], chroma[1, n, i, j] = chroma[0, n, i, width - ONE], chroma[1, n, i, width - ONE]
    in_range: bool = most <= WHITE
    return in_range


@compiled
def halve(full: Floats, half: Floats) -> None:
    """Write planes, (P, h, w), at half the size, as `families.jpeg._halved` does."""
    for p in range(uintp(len(full))):
        for i in range(uintp(half.shape[1])):
            for j in range(uintp(half.shape[2])):
                y, x = TWO * i, TWO * j
                total = full[p, y, x] + full[p, y, x + ONE] + full[p, y + ONE, x] + full[p, y + ONE, x + ONE]
                half[p, i, j] = np.floor((total + F(1) + F(j % TWO)) / F(4))


@compiled
def to_rgb(luma: Floats, chroma: Floats, out: Floats) -> None:
    """Convert luma, (N, h, w), and chroma, (2, N, h / 2, w / 2), to images, (N, 3, H, W), in [0, 1]."""
    height, width = uintp(out.shape[2]), uintp(out.shape[3])
    rows, columns = (height + ONE) // TWO, (width + ONE) // TWO
    line = np.empty((2, columns + TWO), np.float32)  # padded with its ends
    pair = np.empty((2, TWO * columns), np.float32)
    for n in range(uintp(len(out))):
        for i in range(height):
            near = i // TWO
            far = min(near + ONE, rows - ONE) if i % TWO else (near - ONE if near else near)
            for c in range(TWO):
                for j in range(columns):
                    line[c, j + ONE] = chroma[c, n, near, j] * F(3) + chroma[c, n, far, j]
                line[c, 0], line[c, columns + ONE] = line[c, 1], line[c, columns]
                for j in range(columns):
                    centre = line[c, j + ONE] * F(3)
                    pair[c, TWO * j] = np.floor((centre + line[c, j] + F(8)) / F(16)) - F(128)
                    pair[c, TWO * j + ONE] = np.floor((centre + line[c, j + TWO] + F(7)) / F(16)) - F(128)
            for j in range(width):
                y, blue, red = luma[n, i, j], pair[0, j], pair[1, j]
                out[n, 0, i, j] = clipped((y + np.rint(red * F(1.402))) / F(255))
                out[n, 1, i, j] = clipped((y - np.rint(blue * F(0.344136286) + red * F(0.714136286))) / F(255))
                out[n, 2, i, j] = clipped((y + np.rint(blue * F(1.772))) / F(255))


@compiled
def quantise(planes: Floats, steps: Floats, cosines: Floats, exact: Doubles, ties: float, work: Floats) -> None:
    """Transform whole grey levels, quantise them and transform them back, in place.

    Args:
        planes: (P, h, w), sides multiples of 8.
        steps: (64,), the quantisation steps.
        cosines: (8, 8), an orthonormal cosine transform times the root of 8: ones in the first row.
        exact: (64, 64), the orthonormal transform of a block, in multiples of 2**-24.
        ties: Added to half a step, so that ties round away from zero.
        work: Work space from `room`.
    """
    across, down = uintp(planes.shape[2]) // EIGHT, uintp(planes.shape[1]) // EIGHT
    together = uintp(work.shape[1]) // across
    for p in range(uintp(len(planes))):
        for first in range(uintp(0), down, together):
            rows = min(together, down - first)
            count = rows * across
            for r in range(rows):
                for i in range(EIGHT):
                    for b in range(across):
                        for j in range(EIGHT):
                            level = planes[p, (first + r) * EIGHT + i, b * EIGHT + j]
                            work[i * EIGHT + j, r * across + b] = level - F(128)
            _transform(work, cosines, count)
            _round(work, steps, exact, ties, count)
            _transform_back(work, cosines, count)
            _levels(work, exact, count)
            for r in range(rows):
                for i in range(EIGHT):
                    for b in range(across):
                        for j in range(EIGHT):
                            level = work[I3 * SIZE + i * EIGHT + j, r * across + b]
                            planes[p, (first + r) * EIGHT + i, b * EIGHT + j] = level


@compiled
def _transform(work: Floats, cosines: Floats, count: int) -> None:
    """Write the coefficients of the blocks in the first 64 rows to the second 64; overwrites the third 64."""
    for i in range(EIGHT):  # along each row of a block
        _forward(work, i * EIGHT, ONE, cosines, count, TWO * SIZE + i * EIGHT)
    for j in range(EIGHT):
        _forward(work, TWO * SIZE + j, EIGHT, cosines, count, SIZE + j)


@compiled
def _forward(work: Floats, first: int, stride: int, cosines: Floats, count: int, result: int) -> None:
    for k in range(uintp(0), EIGHT, TWO):  # cosines are alternately even and odd about the middle
        e0, e1, e2, e3 = cosines[k, 0], cosines[k, 1], cosines[k, 2], cosines[k, 3]
        o0, o1, o2, o3 = cosines[k + ONE, 0], cosines[k + ONE, 1], cosines[k + ONE, 2], cosines[k + ONE, 3]
        for b in range(uintp(count)):
            x0, x7 = work[first, b], work[first + uintp(7) * stride, b]
            x1, x6 = work[first + stride, b], work[first + uintp(6) * stride, b]
            x2, x5 = work[first + TWO * stride, b], work[first + uintp(5) * stride, b]
            x3, x4 = work[first + I3 * stride, b], work[first + HALF * stride, b]
            even = e0 * (x0 + x7) + e1 * (x1 + x6) + e2 * (x2 + x5) + e3 * (x3 + x4)
            odd = o0 * (x0 - x7) + o1 * (x1 - x6) + o2 * (x2 - x5) + o3 * (x3 - x4)
            work[result + k * stride, b] = even
            work[result + (k + ONE) * stride, b] = odd


@compiled
def _transform_back(work: Floats, cosines: Floats, count: int) -> None:
    """Write the blocks of the coefficients in the second 64 rows to the fourth 64; overwrites the third 64."""
    for j in range(EIGHT):
        _backward(work, SIZE + j, EIGHT, cosines, count, TWO * SIZE + j)
    for i in range(EIGHT):
        _backward(work, TWO * SIZE + i * EIGHT, ONE, cosines, count, I3 * SIZE + i * EIGHT)


@compiled
def _backward(work: Floats, first: int, stride: int, cosines: Floats, count: int, result: int) -> None:
    for m in range(HALF):
        e0, e1, e2, e3 = cosines[0, m], cosines[2, m], cosines[4, m], cosines[6, m]
        o0, o1, o2, o3 = cosines[1, m], cosines[3, m], cosines[5, m], cosines[7, m]
        for b in range(uintp(count)):
            even = (
                e0 * work[first, b]
                + e1 * work[first + TWO * stride, b]
                + e2 * work[first + HALF * stride, b]
                + e3 * work[first + uintp(6) * stride, b]
            )
            odd = (
                o0 * work[first + stride, b]
                + o1 * work[first + I3 * stride, b]
                + o2 * work[first + uintp(5) * stride, b]
                + o3 * work[first + uintp(7) * stride, b]
            )
            work[result + m * stride, b] = even + odd
            work[result + (uintp(7) - m) * stride, b] = even - odd


@compiled
def _round(work: Floats, steps: Floats, exact: Doubles, ties: float, count: int) -> None:
    """Round coefficients to whole steps; the last row becomes the sum of their magnitudes."""
    spare, total = TWO * SIZE, I3 * SIZE + SIZE
    half = F(0.5 + ties)
    for b in range(uintp(count)):
        work[total, b] = 0
    for k in range(SIZE):
        step = steps[k]
        near, part = OFF / step + TINY, EIGHTH / step
        doubtful = 0
        for b in range(uintp(count)):
            value = work[SIZE + k, b]
            size = abs(value) * part + half
            whole = np.floor(size)
            doubtful += (size - whole < near) | (whole + F(1) - size < near)
            rounded = whole * step
            work[spare, b] = value
            work[total, b] += rounded
            work[SIZE + k, b] = -rounded if value < F(0) else rounded
        if doubtful:
            for b in range(uintp(count)):
                size = abs(work[spare, b]) * part + half
                whole = np.floor(size)
                if size - whole < near or whole + F(1) - size < near:
                    value = 0.0
                    for j in range(SIZE):
                        value += exact[k, j] * work[j, b]
                    rounded = np.floor(abs(value / np.float64(step)) + (0.5 + ties)) * np.float64(step)
                    work[total, b] += rounded - whole * step
                    work[SIZE + k, b] = -rounded if value < 0 else rounded
    for b in range(uintp(count)):  # flat blocks often end in a half, and have no error
        work[total, b] = NEVER if work[total, b] == abs(work[SIZE, b]) else work[total, b]


@compiled
def _levels(work: Floats, exact: Doubles, count: int) -> None:
    """Round the blocks in the fourth 64 rows to grey levels."""
    spare, total = TWO * SIZE, I3 * SIZE + SIZE
    for j in range(SIZE):
        doubtful = 0
        for b in range(uintp(count)):
            value = work[I3 * SIZE + j, b] * EIGHTH + F(128)
            level = np.rint(value)
            doubtful += abs(value - level) > F(0.5) - (work[total, b] * OFF_BACK + TINY_BACK)
            work[spare, b] = value
            work[I3 * SIZE + j, b] = min(max(level, F(0)), F(255)) + F(0)  # no negative zeros
        if doubtful:
            for b in range(uintp(count)):
                value = work[spare, b]
                if abs(value - np.rint(value)) > F(0.5) - (work[total, b] * OFF_BACK + TINY_BACK):
                    exactly = 0.0
                    for k in range(SIZE):
                        exactly += work[SIZE + k, b] * exact[k, j]
                    work[I3 * SIZE + j, b] = min(max(np.rint(exactly + 128), 0.0), 255.0) + 0.0
