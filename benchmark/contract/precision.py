"""Number formats that networks compute in. Importing this imports no torch."""

from __future__ import annotations

from typing import Literal, TypeAlias

#: tf32 and float32 differ in the products of matrices and convolutions on some graphics cards only.
Precision: TypeAlias = Literal["float32", "tf32", "bfloat16", "float16"]
DEFAULT: Precision = "float32"
