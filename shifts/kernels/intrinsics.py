"""Single processor instructions that Numba does not offer."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def fma(context: object, a: object, b: object, c: object) -> tuple[object, object]:
    """Return a * b + c, rounded once."""

    def code(context: object, builder: ir.IRBuilder, signature: object, arguments: list[ir.Value]) -> ir.Value:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), code


@intrinsic  # type: ignore[untyped-decorator]
def bits_of(context: object, x: object) -> tuple[object, object]:
    """Return the bits of a float32 as an int32."""

    def code(context: object, builder: ir.IRBuilder, signature: object, arguments: list[ir.Value]) -> ir.Value:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), code


@intrinsic  # type: ignore[untyped-decorator]
def float_of(context: object, bits: object) -> tuple[object, object]:
    """Return the float32 with the bits of an int32."""

    def code(context: object, builder: ir.IRBuilder, signature: object, arguments: list[ir.Value]) -> ir.Value:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), code
