"""Loops compiled by Numba, for the processor; each gives the same bytes as the tensor code that calls it.

The tensor code is what a shift means, and runs anywhere; where Numba is not there, or an image lies on a GPU, nothing
but time is lost. A compiled loop reads and writes memory once where a chain of tensor operations does so for each.
No loop may round otherwise than its original: no fast-math, the same order wherever a sum is not exact. (Normal draws
are the one exception: they are those that torch makes on processors with AVX2, on every processor.)
"""
