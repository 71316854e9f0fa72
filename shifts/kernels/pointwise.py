"""Changes of one pixel by itself, read once and written once, clipped to 0..1 as they are written.

Arrays are (R, K): what a number is drawn for in a row, and its pixels. Every operation rounds as a tensor's does.
"""

from __future__ import annotations

import numpy as np
from numba import int32, uint32

from .compiler import Floats, compiled
from .intrinsics import bits_of

F = np.float32
STEPS = F(65535)  # of a look-up table
WHITE = np.uint32(0x3F800000)  # the bits of 1, which are greater than those of any other float from 0 to 1


@compiled
def clipped(value: np.float32) -> np.float32:
    """Returns a value between 0 and 1."""
    value = F(0) if value < F(0) else value
    return F(1) if value > F(1) else value


@compiled
def hypotenuse(a: np.float32, b: np.float32) -> np.float32:
    """Returns the root of a * a + b * b, every step rounded."""
    root: np.float32 = np.sqrt(a * a + b * b)
    return root


@compiled
def scaled(x: Floats, gain: Floats, offset: np.float32, out: Floats) -> bool:
    """Writes x * gain + offset; returns whether all x are from 0 to 1."""
    most = uint32(0)
    for r in range(len(x)):
        source, result, factor = x[r], out[r], gain[r]
        for i in range(len(source)):
            most = max(most, uint32(bits_of(source[i])))
            result[i] = clipped(source[i] * factor + offset)
    proper: bool = most <= WHITE
    return proper


@compiled
def windowed(x: Floats, low: Floats, width: np.float32, out: Floats) -> bool:
    """Writes (x - low) / width; returns whether all x are from 0 to 1."""
    most = uint32(0)
    for r in range(len(x)):
        source, result, start = x[r], out[r], low[r]
        for i in range(len(source)):
            most = max(most, uint32(bits_of(source[i])))
            result[i] = clipped((source[i] - start) / width)
    proper: bool = most <= WHITE
    return proper


@compiled
def toned(x: Floats, bend: Floats, steepen: Floats, out: Floats) -> bool:
    """Writes x + x (1 - x) (bend + (1 - 2 x) steepen); returns whether all x are from 0 to 1."""
    most = uint32(0)
    for r in range(len(x)):
        source, result, b, s = x[r], out[r], bend[r], steepen[r]
        for i in range(len(source)):
            v = source[i]
            most = max(most, uint32(bits_of(v)))
            slope = (F(1) - F(2) * v) * s + b
            result[i] = clipped((F(1) - v) * v * slope + v)
    proper: bool = most <= WHITE
    return proper


@compiled
def looked_up(x: Floats, curve: Floats, out: Floats) -> bool:
    """Writes a curve, (65536,), at the nearest of its levels, x and out (K,); returns whether all x are from 0 to 1."""
    most = uint32(0)
    for i in range(len(x)):
        most = max(most, uint32(bits_of(x[i])))
        level = x[i] if x[i] > F(0) else F(0)  # what is no number, too
        out[i] = curve[uint32(int32(np.rint(min(level, F(1)) * STEPS)))]
    proper: bool = most <= WHITE
    return proper


@compiled
def noisy(x: Floats, sd: np.float32, noise: Floats) -> None:
    """Turns `noise` into x + sd * noise."""
    for r in range(len(x)):
        source, result = x[r], noise[r]
        for i in range(len(source)):
            result[i] = clipped(result[i] * sd + source[i])


@compiled
def magnitude(x: Floats, noise: Floats, sd: np.float32, out: Floats) -> None:
    """Writes |x + sd (n1 + i n2)|; noise is (R, 2, K)."""
    for r in range(len(x)):
        source, result, first, second = x[r], out[r], noise[r, 0], noise[r, 1]
        for i in range(len(source)):
            real, imaginary = source[i] + first[i] * sd, second[i] * sd
            result[i] = clipped(hypotenuse(real, imaginary))


@compiled
def speckled(x: Floats, noise: Floats, ratio: np.float32, norm: np.float32, out: Floats) -> None:
    """Writes x |1 + ratio (n1 + i n2)| / norm; noise is (R, 2, K)."""
    for r in range(len(x)):
        source, result, first, second = x[r], out[r], noise[r, 0], noise[r, 1]
        for i in range(len(source)):
            real, imaginary = first[i] * ratio + F(1), second[i] * ratio
            result[i] = clipped(hypotenuse(real, imaginary) * source[i] / norm)


@compiled
def stuck(x: Floats, low: np.float32, high: np.float32, draw: Floats) -> None:
    """Turns uniform draws into 0 below `low`, into 1 from `high` on, and into x between."""
    for r in range(len(x)):
        source, result = x[r], draw[r]
        for i in range(len(source)):
            u = result[i]
            result[i] = F(0) if u < low else F(1) if u >= high else source[i]
