"""Where a method runs, and how it fails there; torch is not needed to know either."""

from __future__ import annotations

from typing import Literal, TypeAlias

#: In a process of its own, in one for each condition (methods that learn from test batches), or where the labels are.
Way: TypeAlias = Literal["apart", "per-condition", "in-process"]


class MethodFailed(Exception):
    """A method raised an exception in its own process.

    Args:
        traceback: As Python prints it there.
    """

    def __init__(self, traceback: str) -> None:
        super().__init__(traceback.rstrip().rpartition("\n")[2])
        self.traceback = traceback.rstrip()
