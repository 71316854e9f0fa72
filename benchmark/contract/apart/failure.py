"""How a method fails in its own process; torch is not needed to know it."""

from __future__ import annotations


class MethodFailed(Exception):
    """A method raised an exception in its own process.

    Args:
        traceback: As Python prints it there.
    """

    def __init__(self, traceback: str) -> None:
        super().__init__(traceback.rstrip().rpartition("\n")[2])
        self.traceback = traceback.rstrip()
