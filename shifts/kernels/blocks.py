"""JPEG's rounding of 8 x 8 blocks, for many blocks side by side.

The cosine transform is done axis by axis in float64, which takes an eighth of the products of the exact matrix of
`jpeg._cosines`, and differs from it by less than a bound. What lies so near to the border between two whole numbers
that the bound does not tell is computed by that matrix; so results are the same, always.
"""

from __future__ import annotations

import numpy as np
from numba import uintp

from . import Doubles, Floats, compiled
from .pointwise import clipped

F = np.float32
EIGHT, HALF = uintp(8), uintp(4)
ONE, TWO, I3, SIXTEEN = uintp(1), uintp(2), uintp(3), uintp(16)
SIZE = uintp(64)
ROOM = 96  # blocks side by side, about
ENTRY = 2.0**-25  # how far an entry of the exact matrix is from the cosines, at most
DARKEST = 64 * 128 * ENTRY  # how far a coefficient is, at most
TINY = 1e-9  # what float64 rounds, generously


@compiled
def coloured(
    x: Floats, luma_steps: Doubles, chroma_steps: Doubles, cosines: Doubles, exact: Doubles, ties: float, out: Floats
) -> None:
    """Compresses images in 4:2:0.

    Args:
        x: (N, 3, H, W), red, green, blue.
        luma_steps: (64,) of quantisation.
        chroma_steps: (64,).
        cosines: (8, 8), orthonormal.
        exact: (64, 64), their product as entries of 2**-24.
        ties: Added to half a step.
        out: (N, 3, H, W), written.
    """
    height, width = uintp(x.shape[2]), uintp(x.shape[3])
    h, w = (height + SIXTEEN - ONE) // SIXTEEN * SIXTEEN, (width + SIXTEEN - ONE) // SIXTEEN * SIXTEEN
    luma, blue, red = np.empty((h, w), np.float32), np.empty((h, w), np.float32), np.empty((h, w), np.float32)
    small = np.empty((2, h // TWO, w // TWO), np.float32)
    work = _room(w // EIGHT)
    for n in range(uintp(len(x))):
        _to_ycc(x[n], luma, blue, red)
        _halve(blue, small[0])
        _halve(red, small[1])
        quantise(luma, luma_steps, cosines, exact, ties, work)
        quantise(small[0], chroma_steps, cosines, exact, ties, work)
        quantise(small[1], chroma_steps, cosines, exact, ties, work)
        _to_rgb(luma, small, out[n])


@compiled
def grey(x: Floats, steps: Doubles, cosines: Doubles, exact: Doubles, ties: float, out: Floats) -> None:
    """Compresses planes, (P, H, W), one by one; the other arguments are those of `coloured`."""
    height, width = uintp(x.shape[1]), uintp(x.shape[2])
    h, w = (height + EIGHT - ONE) // EIGHT * EIGHT, (width + EIGHT - ONE) // EIGHT * EIGHT
    plane = np.empty((h, w), np.float32)
    work = _room(w // EIGHT)
    for p in range(uintp(len(x))):
        for i in range(h):
            row = min(i, height - ONE)
            for j in range(w):
                plane[i, j] = np.rint(x[p, row, min(j, width - ONE)] * F(255))
        quantise(plane, steps, cosines, exact, ties, work)
        for i in range(height):
            for j in range(width):
                out[p, i, j] = clipped(plane[i, j] / F(255))


@compiled
def _room(blocks: int) -> Doubles:
    """Returns room for four times the pixels of some rows of blocks, and for a sum of each block."""
    rows = max(1, ROOM // blocks)
    return np.empty((4 * 64 + 1, rows * blocks), np.float64)


@compiled
def _to_ycc(x: Floats, luma: Floats, blue: Floats, red: Floats) -> None:
    height, width = uintp(x.shape[1]), uintp(x.shape[2])
    h, w = uintp(luma.shape[0]), uintp(luma.shape[1])
    for i in range(h):
        row = min(i, height - ONE)
        for j in range(width):
            r, g, b = (np.rint(x[0, row, j] * F(255)), np.rint(x[1, row, j] * F(255)), np.rint(x[2, row, j] * F(255)))
            luma[i, j] = np.rint(r * F(0.299) + g * F(0.587) + b * F(0.114))
            u = np.rint(b * F(0.5) - r * F(0.168735892) - g * F(0.331264108) + F(128))
            v = np.rint(r * F(0.5) - g * F(0.418687589) - b * F(0.081312411) + F(128))
            blue[i, j] = min(max(u, F(0)), F(255))
            red[i, j] = min(max(v, F(0)), F(255))
        for j in range(width, w):
            luma[i, j], blue[i, j], red[i, j] = luma[i, width - ONE], blue[i, width - ONE], red[i, width - ONE]


@compiled
def _halve(full: Floats, half: Floats) -> None:
    for i in range(uintp(half.shape[0])):
        for j in range(uintp(half.shape[1])):
            y, x = TWO * i, TWO * j
            total = full[y, x] + full[y, x + ONE] + full[y + ONE, x] + full[y + ONE, x + ONE]
            half[i, j] = np.floor((total + F(1) + F(j % TWO)) / F(4))


@compiled
def _to_rgb(luma: Floats, chroma: Floats, out: Floats) -> None:
    height, width = uintp(out.shape[1]), uintp(out.shape[2])
    rows, columns = (height + ONE) // TWO, (width + ONE) // TWO
    line = np.empty((2, chroma.shape[2]), np.float32)
    pair = np.empty((2, width), np.float32)
    for i in range(height):
        near = i // TWO
        far = min(near + ONE, rows - ONE) if i % TWO else (near - ONE if near else near)
        for c in range(TWO):
            for j in range(columns):
                line[c, j] = chroma[c, near, j] * F(3) + chroma[c, far, j]
            for j in range(width):
                close = j // TWO
                other = min(close + ONE, columns - ONE) if j % TWO else (close - ONE if close else close)
                total = line[c, close] * F(3) + line[c, other]
                pair[c, j] = np.floor((total + F(8) - F(j % TWO)) / F(16)) - F(128)
        for j in range(width):
            y, blue, red = luma[i, j], pair[0, j], pair[1, j]
            out[0, i, j] = clipped((y + np.rint(red * F(1.402))) / F(255))
            out[1, i, j] = clipped((y - np.rint(blue * F(0.344136286) + red * F(0.714136286))) / F(255))
            out[2, i, j] = clipped((y + np.rint(blue * F(1.772))) / F(255))


@compiled
def quantise(plane: Floats, steps: Doubles, cosines: Doubles, exact: Doubles, ties: float, work: Doubles) -> None:
    """Transforms, rounds and transforms back a plane, (h, w), sides multiples of 8, of whole grey levels, in place."""
    across = uintp(plane.shape[1]) // EIGHT
    together = uintp(work.shape[1]) // across
    for first in range(uintp(0), uintp(plane.shape[0]) // EIGHT, together):
        rows = min(together, uintp(plane.shape[0]) // EIGHT - first)
        count = rows * across
        for r in range(rows):
            for i in range(EIGHT):
                for j in range(EIGHT):
                    for b in range(across):
                        level = plane[(first + r) * EIGHT + i, b * EIGHT + j]
                        work[i * EIGHT + j, r * across + b] = level - F(128)
        _transform(work, cosines, count)
        _round(work, steps, exact, ties, count)
        _transform_back(work, cosines, count)
        _levels(work, exact, count)
        for r in range(rows):
            for i in range(EIGHT):
                for j in range(EIGHT):
                    for b in range(across):
                        plane[(first + r) * EIGHT + i, b * EIGHT + j] = work[I3 * SIZE + i * EIGHT + j, r * across + b]


@compiled
def _transform(work: Doubles, cosines: Doubles, count: int) -> None:
    """Writes the coefficients of the blocks in the first 64 rows to the second 64; the third are used up."""
    for i in range(EIGHT):  # along each row of a block
        _forward(work, i * EIGHT, ONE, cosines, count, TWO * SIZE + i * EIGHT)
    for j in range(EIGHT):
        _forward(work, TWO * SIZE + j, EIGHT, cosines, count, SIZE + j)


@compiled
def _forward(work: Doubles, first: int, apart: int, cosines: Doubles, count: int, result: int) -> None:
    for k in range(EIGHT):
        c0, c1, c2, c3 = cosines[k, 0], cosines[k, 1], cosines[k, 2], cosines[k, 3]
        sign = -1.0 if k % TWO else 1.0  # cosines are even or odd about the middle
        for b in range(uintp(count)):
            work[result + k * apart, b] = (
                c0 * (work[first, b] + sign * work[first + uintp(7) * apart, b])
                + c1 * (work[first + apart, b] + sign * work[first + uintp(6) * apart, b])
                + c2 * (work[first + TWO * apart, b] + sign * work[first + uintp(5) * apart, b])
                + c3 * (work[first + I3 * apart, b] + sign * work[first + HALF * apart, b])
            )


@compiled
def _transform_back(work: Doubles, cosines: Doubles, count: int) -> None:
    """Writes the blocks of the coefficients in the second 64 rows to the fourth 64; the third are used up."""
    for j in range(EIGHT):
        _backward(work, SIZE + j, EIGHT, cosines, count, TWO * SIZE + j)
    for i in range(EIGHT):
        _backward(work, TWO * SIZE + i * EIGHT, ONE, cosines, count, I3 * SIZE + i * EIGHT)


@compiled
def _backward(work: Doubles, first: int, apart: int, cosines: Doubles, count: int, result: int) -> None:
    for m in range(HALF):
        e0, e1, e2, e3 = cosines[0, m], cosines[2, m], cosines[4, m], cosines[6, m]
        o0, o1, o2, o3 = cosines[1, m], cosines[3, m], cosines[5, m], cosines[7, m]
        for b in range(uintp(count)):
            even = (
                e0 * work[first, b]
                + e1 * work[first + TWO * apart, b]
                + e2 * work[first + HALF * apart, b]
                + e3 * work[first + uintp(6) * apart, b]
            )
            odd = (
                o0 * work[first + apart, b]
                + o1 * work[first + I3 * apart, b]
                + o2 * work[first + uintp(5) * apart, b]
                + o3 * work[first + uintp(7) * apart, b]
            )
            work[result + m * apart, b] = even + odd
            work[result + (uintp(7) - m) * apart, b] = even - odd


@compiled
def _round(work: Doubles, steps: Doubles, exact: Doubles, ties: float, count: int) -> None:
    """Rounds coefficients to whole steps; the last row becomes the sum of their magnitudes."""
    total = I3 * SIZE + SIZE
    for b in range(uintp(count)):
        work[total, b] = 0
    for k in range(SIZE):
        step = steps[k]
        near, doubtful = DARKEST / step + TINY, 0
        for b in range(uintp(count)):
            size = abs(work[SIZE + k, b]) / step + (0.5 + ties)
            whole = np.floor(size)
            doubtful += (size - whole < near) | (whole + 1 - size < near)
            work[TWO * SIZE, b] = whole * step
        if doubtful:
            for b in range(uintp(count)):
                size = abs(work[SIZE + k, b]) / step + (0.5 + ties)
                whole = np.floor(size)
                if size - whole < near or whole + 1 - size < near:
                    value = 0.0
                    for j in range(SIZE):
                        value += exact[k, j] * work[j, b]
                    work[SIZE + k, b] = value
                    work[TWO * SIZE, b] = np.floor(abs(value / step) + (0.5 + ties)) * step
        for b in range(uintp(count)):
            size = work[TWO * SIZE, b]
            work[total, b] += size
            work[SIZE + k, b] = -size if work[SIZE + k, b] < 0 else size


@compiled
def _levels(work: Doubles, exact: Doubles, count: int) -> None:
    """Rounds the blocks in the fourth 64 rows to grey levels."""
    total = I3 * SIZE + SIZE
    for j in range(SIZE):
        doubtful = 0
        for b in range(uintp(count)):
            value = work[I3 * SIZE + j, b] + 128
            near = 0.5 - (work[total, b] * ENTRY + TINY)
            doubtful += abs(value - np.rint(value)) > near
        if doubtful:
            for b in range(uintp(count)):
                value = work[I3 * SIZE + j, b] + 128
                if abs(value - np.rint(value)) > 0.5 - (work[total, b] * ENTRY + TINY):
                    value = 0.0
                    for k in range(SIZE):
                        value += work[SIZE + k, b] * exact[k, j]
                    work[I3 * SIZE + j, b] = value
        for b in range(uintp(count)):
            work[I3 * SIZE + j, b] = min(max(np.rint(work[I3 * SIZE + j, b] + 128), 0.0), 255.0)
