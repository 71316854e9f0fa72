"""Signals that are held back while code runs that does not bear an exception at any moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class HeldBack:
    """Holds back the signals that have a handler in Python, until they are let through.

    Ray turns an exception of a handler into a KeyboardInterrupt without its signal, or aborts the process; and it puts
    a handler of its own in the place of ours.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._received: list[int] = []

    def install(self) -> None:
        """Put the handlers in place, again where other code has replaced them."""
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread may set handlers
        for number in self._handlers or signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler) and handler != self._receive:
                self._handlers.setdefault(number, handler)
                signal.signal(number, self._receive)

    def restore(self) -> None:
        """Put the handlers back that were there before."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def let_through(self) -> None:
        """Call the handler of a signal that has come; most raise an exception."""
        while self._received:
            number = self._received.pop(0)
            self._handlers[number](number, None)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received.append(number)


@contextmanager
def held_back() -> Iterator[HeldBack]:
    """Hold signals back within the block; what comes at its very end is let through behind it."""
    held = HeldBack()
    held.install()
    try:
        yield held
    finally:
        held.restore()
    held.let_through()
