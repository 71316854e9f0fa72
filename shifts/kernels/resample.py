"""Sums of moved copies of images, or of images and a wave, in float32 and in the tensor code's order."""

from __future__ import annotations

import numpy as np
from numba import uintp

from .compiler import Flags, Floats, Whole, compiled
from .pointwise import clipped, hypotenuse

F = np.float32


@compiled
def turned(
    x: Floats, left: Flags, corners: Whole, weights: Floats, others: Whole, other_weights: Floats, out: Floats
) -> None:
    """Interpolate images between four neighbours of every sampling point.

    Args:
        x: (N, C, H*W).
        left: (N,), whether an image uses the first pair of tables or the second.
        corners: (4, H*W), indices of the neighbours.
        weights: (4, H*W), weights of the neighbours.
        others: (4, H*W), indices of the second pair of tables.
        other_weights: (4, H*W), weights of the second pair of tables.
        out: (N, C, H*W), written.
    """
    size = uintp(x.shape[2])
    for n in range(len(x)):
        p, w = (corners, weights) if left[n] else (others, other_weights)
        p0, p1, p2, p3 = p[0], p[1], p[2], p[3]
        w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
        for c in range(x.shape[1]):
            source, result = x[n, c], out[n, c]
            for i in range(size):
                total = F(0) + source[uintp(p0[i])] * w0[i]
                total += source[uintp(p1[i])] * w1[i]
                total += source[uintp(p2[i])] * w2[i]
                total += source[uintp(p3[i])] * w3[i]
                result[i] = clipped(total)


@compiled
def streaked(x: Floats, way: Whole, shares: Floats, rows: Whole, columns: Whole, out: Floats) -> None:
    """Add weighted copies of planes moved along a line.

    Args:
        x: (N, C, H, W).
        way: (N, 2), the step downwards and to the right: 0, 1 or -1 each.
        shares: (N, K), the weight of each copy; K is odd, steps start at -(K // 2).
        rows: (H + K - 1,), the image's row at each row of its mirror-padded frame.
        columns: (W + K - 1,), likewise for columns.
        out: (N, C, H, W), written.
    """
    height, width, count = uintp(x.shape[2]), uintp(x.shape[3]), shares.shape[1]
    reach = count // 2
    frame = np.empty((len(rows), len(columns)), np.float32)
    for n in range(len(x)):
        down, right = way[n, 0], way[n, 1]
        for c in range(x.shape[1]):
            for i in range(uintp(len(rows))):
                line = x[n, c, uintp(rows[i])]
                for j in range(uintp(len(columns))):
                    frame[i, j] = line[uintp(columns[j])]
            for i in range(height):
                result = out[n, c, i]
                for k in range(count):
                    top, left = uintp(reach + (k - reach) * down), uintp(reach + (k - reach) * right)
                    share = shares[n, k]
                    for j in range(width):
                        result[j] = (F(0) if k == 0 else result[j]) + frame[top + i, left + j] * share
                for j in range(width):
                    result[j] = clipped(result[j])


@compiled
def ghosted(x: Floats, rows: Whole, bessel: Floats, still: np.float32, cos: Floats, sin: Floats, out: Floats) -> None:
    """Add copies moved along the axis of rows, each with a phase, and take the magnitude.

    Args:
        x: (N, P, H, W).
        rows: (N, K, H), the image's row at each row of a copy.
        bessel: (K,), the weight of each copy.
        still: The weight of the image itself.
        cos: (N, K), cosine of a copy's phase.
        sin: (N, K), sine of a copy's phase.
        out: (N, P, H, W), written.
    """
    height, width = uintp(x.shape[2]), uintp(x.shape[3])
    imaginary = np.empty(width, np.float32)
    for n in range(len(x)):
        for p in range(x.shape[1]):
            for i in range(height):
                result, line = out[n, p, i], x[n, p, i]
                for j in range(width):
                    result[j] = line[j] * still
                    imaginary[j] = 0
                for k in range(len(bessel)):
                    line, weight, c, s = x[n, p, uintp(rows[n, k, i])], bessel[k], cos[n, k], sin[n, k]
                    for j in range(width):
                        copy = line[j] * weight
                        result[j] += copy * c
                        imaginary[j] += copy * s
                for j in range(width):
                    result[j] = clipped(hypotenuse(result[j], imaginary[j]))


@compiled
def striped(
    x: Floats, real: Floats, imaginary: Floats, cos: Floats, sin: Floats, amplitude: np.float32, out: Floats
) -> None:
    """Add a complex wave and take the magnitude.

    Args:
        x: (N, C, P, W).
        real: (N, P), real part of the wave along all axes but the last.
        imaginary: (N, P), its imaginary part.
        cos: (N, W), real part of the wave along the last axis.
        sin: (N, W), its imaginary part.
        amplitude: Amplitude of the wave.
        out: (N, C, P, W), written.
    """
    for n in range(len(x)):
        for c in range(x.shape[1]):
            for p in range(x.shape[2]):
                line, result, u, v, r, i = x[n, c, p], out[n, c, p], cos[n], sin[n], real[n, p], imaginary[n, p]
                for j in range(len(line)):
                    level = line[j] + (r * u[j] - i * v[j]) * amplitude
                    result[j] = clipped(hypotenuse(level, (r * v[j] + i * u[j]) * amplitude))
