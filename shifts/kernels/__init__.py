"""Loops compiled by Numba for the CPU; each gives the same bytes as the tensor code that calls it.

The tensor code defines a shift and runs anywhere; without Numba, or for images on a GPU, only speed is lost. A compiled
loop reads and writes memory once, where a chain of tensor operations does so once per operation.
Loops must round exactly as the tensor code does: no fast-math, and the same order of summation wherever a sum is not
exact. (Normal draws are the one exception: on every processor they are those that torch makes with AVX2.)
"""
