"""Pointwise operations: pixels are read once, and written once, clipped to [0, 1].

Arrays are (R, K): one row per random parameter, with its pixels. Every operation rounds as the tensor operation does.
"""

from __future__ import annotations

import numpy as np
from numba import int32, uint32

from .compiler import Floats, compiled
from .intrinsics import bits_of

F = np.float32
STEPS = F(65535)  # of a lookup table
WHITE = np.uint32(0x3F800000)  # the bits of 1: as integers, those of other floats in [0, 1] are smaller


@compiled
def clipped(value: np.float32) -> np.float32:
    """Clip a value to [0, 1]."""
    value = F(0) if value < F(0) else value
    return F(1) if value > F(1) else value


@compiled
def hypotenuse(a: np.float32, b: np.float32) -> np.float32:
    """Return the root of a * a + b * b, rounded at every step."""
    root: np.float32 = np.sqrt(a * a + b * b)
    return root


@compiled
def scaled(x: Floats, gain: Floats, offset: np.float32, out: Floats) -> bool:
    """Write x * gain + offset; return whether all x are in [0, 1]."""
    most = uint32(0)
    for r in range(len(x)):
        source, result, factor = x[r], out[r], gain[r]
        for i in range(len(source)):
            most = max(most, uint32(bits_of(source[i])))
            result[i] = clipped(source[i] * factor + offset)
    in_range: bool = most <= WHITE
    return in_range


@compiled
def windowed(x: Floats, low: Floats, width: np.float32, out: Floats) -> bool:
    """Write (x - low) / width; return whether all x are in [0, 1]."""
    most = uint32(0)
    for r in range(len(x)):
        source, result, start = x[r], out[r], low[r]
        for i in range(len(source)):
            most = max(most, uint32(bits_of(source[i])))
            result[i] = clipped((source[i] - start) / width)
    in_range: bool = most <= WHITE
    return in_range


@compiled
def toned(x: Floats, bend: Floats, steepen: Floats, out: Floats) -> bool:
    """Write x + x (1 - x) (bend + (1 - 2 x) steepen); return whether all x are in [0, 1]."""
    most = uint32(0)
    for r in range(len(x)):
        source, result, b, s = x[r], out[r], bend[r], steepen[r]
        for i in range(len(source)):
            v = source[i]
            most = max(most, uint32(bits_of(v)))
            slope = (F(1) - F(2) * v) * s + b
            result[i] = clipped((F(1) - v) * v * slope + v)
    in_range: bool = most <= WHITE
    return in_range


@compiled
def looked_up(x: Floats, curve: Floats, out: Floats) -> bool:
    """Write a curve, (65536,), at its level nearest to each x, (K,); return whether all x are in [0, 1]."""
    most = uint32(0)
    for i in range(len(x)):
        most = max(most, uint32(bits_of(x[i])))
        level = x[i] if x[i] > F(0) else F(0)  # also for NaN
        out[i] = curve[uint32(int32(np.rint(min(level, F(1)) * STEPS)))]
    in_range: bool = most <= WHITE
    return in_range


@compiled
def noisy(x: Floats, sd: np.float32, noise: Floats) -> None:
    """Overwrite `noise` with x + sd * noise."""
    for r in range(len(x)):
        source, result = x[r], noise[r]
        for i in range(len(source)):
            result[i] = clipped(result[i] * sd + source[i])


@compiled
def magnitude(x: Floats, noise: Floats, sd: np.float32, out: Floats) -> None:
    """Write |x + sd (n1 + i n2)|; noise is (R, 2, K)."""
    for r in range(len(x)):
        source, result, first, second = x[r], out[r], noise[r, 0], noise[r, 1]
        for i in range(len(source)):
            real, imaginary = source[i] + first[i] * sd, second[i] * sd
            result[i] = clipped(hypotenuse(real, imaginary))


@compiled
def speckled(x: Floats, noise: Floats, ratio: np.float32, norm: np.float32, out: Floats) -> None:
    """Write x |1 + ratio (n1 + i n2)| / norm; noise is (R, 2, K)."""
    for r in range(len(x)):
        source, result, first, second = x[r], out[r], noise[r, 0], noise[r, 1]
        for i in range(len(source)):
            real, imaginary = first[i] * ratio + F(1), second[i] * ratio
            result[i] = clipped(hypotenuse(real, imaginary) * source[i] / norm)


@compiled
def stuck(x: Floats, low: np.float32, high: np.float32, draw: Floats) -> None:
    """Overwrite uniform draws with 0 below `low`, 1 from `high` on, and x in between."""
    for r in range(len(x)):
        source, result = x[r], draw[r]
        for i in range(len(source)):
            u = result[i]
            result[i] = F(0) if u < low else F(1) if u >= high else source[i]
