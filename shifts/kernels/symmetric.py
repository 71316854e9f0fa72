"""Pre- and post-processing of exact products of dense matrices (see `separable`).

Pixels become steps, and an axis is folded about its middle into an even and an odd part, and unfolded afterwards.
"""

from __future__ import annotations

import numpy as np
from numba import uintp

from .banded import COARSE, FINE, pixel
from .compiler import Doubles, Floats, Whole, compiled_exact
from .pointwise import clipped, hypotenuse


@compiled_exact
def to_steps(x: Floats, steps: Doubles) -> None:
    """Convert pixels, (K,), to steps."""
    for i in range(uintp(len(x))):
        steps[i] = np.rint(x[i] * FINE)


@compiled_exact
def from_steps(steps: Doubles, clip: bool, out: Floats) -> None:
    """Convert sums of steps, (K,), to pixels."""
    for i in range(uintp(len(out))):
        out[i] = pixel(np.float32(steps[i]), clip)


@compiled_exact
def fold_last(x: Floats, even: Doubles, odd: Doubles) -> None:
    """Write x[i] + x[n - 1 - i] and x[i] - x[n - 1 - i], (R, n / 2) each, of the rows, in steps."""
    half, end = uintp(even.shape[1]), uintp(x.shape[1] - 1)
    for r in range(uintp(len(x))):
        for i in range(half):
            left, right = np.float64(np.rint(x[r, i] * FINE)), np.float64(np.rint(x[r, end - i] * FINE))
            even[r, i], odd[r, i] = left + right, left - right


@compiled_exact
def fold_inner(x: Floats, even: Doubles, odd: Doubles) -> None:
    """Fold as `fold_last` does along the middle axis of (R, n, A)."""
    half, end = uintp(even.shape[1]), uintp(x.shape[1] - 1)
    for r in range(uintp(len(x))):
        for i in range(half):
            for a in range(uintp(x.shape[2])):
                left, right = np.float64(np.rint(x[r, i, a] * FINE)), np.float64(np.rint(x[r, end - i, a] * FINE))
                even[r, i, a], odd[r, i, a] = left + right, left - right


@compiled_exact
def unfold_last(even: Doubles, odd: Doubles, sign: int, clip: bool, out: Floats) -> None:
    """Write rows, (R, n), from their even and odd parts after the product, (R, n / 2) each."""
    half, end, turn = uintp(even.shape[1]), uintp(out.shape[1] - 1), np.float64(sign) / 2
    for r in range(uintp(len(out))):
        for i in range(half):
            e, o = even[r, i], odd[r, i]
            out[r, i] = pixel(np.float32((e + o) / 2), clip)
            out[r, end - i] = pixel(np.float32((e - o) * turn), clip)


@compiled_exact
def unfold_inner(even: Doubles, odd: Doubles, sign: int, clip: bool, out: Floats) -> None:
    """Unfold as `unfold_last` does along the middle axis of (R, n, A)."""
    half, end, turn = uintp(even.shape[1]), uintp(out.shape[1] - 1), np.float64(sign) / 2
    for r in range(uintp(len(out))):
        for i in range(half):
            for a in range(uintp(out.shape[2])):
                e, o = even[r, i, a], odd[r, i, a]
                out[r, i, a] = pixel(np.float32((e + o) / 2), clip)
                out[r, end - i, a] = pixel(np.float32((e - o) * turn), clip)


@compiled_exact
def fold_change(x: Floats, rows: Whole, columns: Whole, even: Doubles, odd: Doubles) -> None:
    """Fold the change that a movement makes along the axis of rows, as `fold_inner` does.

    Args:
        x: (N, P, H, W).
        rows: (N, H), source rows of the moved image.
        columns: (N, W), its source columns.
        even: (N, P, H / 2, W), written.
        odd: (N, P, H / 2, W), written.
    """
    half, end = uintp(even.shape[2]), uintp(x.shape[2] - 1)
    for n in range(uintp(len(x))):
        for p in range(uintp(x.shape[1])):
            for i in range(half):
                above, below = x[n, p, uintp(rows[n, i])], x[n, p, uintp(rows[n, end - i])]
                for j in range(uintp(x.shape[3])):
                    column = uintp(columns[n, j])
                    left = np.float64(np.rint((above[column] - x[n, p, i, j]) * FINE))
                    right = np.float64(np.rint((below[column] - x[n, p, end - i, j]) * FINE))
                    even[n, p, i, j], odd[n, p, i, j] = left + right, left - right


@compiled_exact
def unfold_magnitude(
    x: Floats, even: Doubles, odd: Doubles, imaginary_even: Doubles, imaginary_odd: Doubles, out: Floats
) -> None:
    """Write |x + real + i imaginary|, at most 1, from even and odd parts along the axis of rows.

    Args:
        x: (N, P, H, W).
        even: (N, P, H / 2, W), even part of the real part.
        odd: (N, P, H / 2, W), odd part of the real part.
        imaginary_even: (N, P, H / 2, W), even part through a matrix with `Halves.sign` -1.
        imaginary_odd: (N, P, H / 2, W), odd part through it.
        out: (N, P, H, W), written.
    """
    half, end = uintp(even.shape[2]), uintp(x.shape[2] - 1)
    for n in range(uintp(len(x))):
        for p in range(uintp(x.shape[1])):
            for i in range(half):
                for j in range(uintp(x.shape[3])):
                    e, o = even[n, p, i, j], odd[n, p, i, j]
                    f, g = imaginary_even[n, p, i, j], imaginary_odd[n, p, i, j]
                    real = x[n, p, i, j] + np.float32((e + o) / 2) * COARSE
                    imaginary = np.float32((f + g) / 2) * COARSE
                    out[n, p, i, j] = clipped(hypotenuse(real, imaginary))
                    real = x[n, p, end - i, j] + np.float32((e - o) / 2) * COARSE
                    imaginary = np.float32((g - f) / 2) * COARSE
                    out[n, p, end - i, j] = clipped(hypotenuse(real, imaginary))
