"""Plug-in tables: built-ins as a literal table, third parties through entry points, each loaded on use."""

from __future__ import annotations

import re
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import FrameType
from typing import NoReturn, cast

from .errors import MedshiftError, in_one_line, near

PLAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_IMPORT = 300.0  # seconds: libraries of deep learning take half a minute from a slow disk


class TooSlow(BaseException):
    """An import took too long; no `except Exception` of the module that is imported catches it."""


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """Raise TooSlow within a block that takes longer; only where the system has timers, and in the main thread."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise TooSlow(f"it took more than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass(frozen=True)
class Table:
    """Names of one kind of plug-in, and the module that each is loaded from.

    Args:
        group: The entry-point group, e.g. `medshift.shifts`.
        noun: What the names stand for, as used in messages, e.g. `shift`.
        builtins: Literal table, name -> `module:attribute` (absolute).
        nouns: Plural of the noun, unless it is regular.
        plain: Whether names are of lower-case letters, digits and hyphens; a plug-in with another is not loaded.
    """

    group: str
    noun: str
    builtins: Mapping[str, str]
    nouns: str = ""
    plain: bool = False

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """Third-party entry points by name; the first one found where a name is claimed twice."""
        found: dict[str, EntryPoint] = {}
        for point in self._points:
            found.setdefault(point.name, point)
        return {name: point for name, point in found.items() if name not in self.builtins}

    @cached_property
    def clashes(self) -> dict[str, str]:
        """Names claimed twice, each with an error message that names both packages.

        A built-in keeps its name and shadows its rival; between two plug-ins the name is ambiguous.
        """
        lines = {}
        for point in self._points:
            first = self.plugins.get(point.name)
            if first is not None and first.value == point.value:
                continue
            rival = "medshift itself" if first is None else distribution(first)
            nouns = self.nouns or f"{self.noun}s"
            lines[point.name] = (
                f"two {nouns} are named {point.name!r}: one from {rival}, one from {distribution(point)}. "
                "Uninstall one of them or ask its author for another name."
            )
        return lines

    @cached_property
    def _points(self) -> list[EntryPoint]:
        return list(entry_points(group=self.group))

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted([*self.builtins, *self.plugins])

    def origin(self, name: str) -> str:
        """Return the distribution that `name` comes from, with its version: `medshift 0.1.0`."""
        if name in self.builtins:
            return own_distribution()
        self.check(name)
        return distribution(self.plugins[name])

    def name_of(self, thing: object) -> str:
        """Return the name that stands for a function or class, or an empty string; only what is imported is looked at.

        A name that two plug-ins claim stands for neither, and one that is not plain for nothing.
        """
        own = self._by_target.get(target_of(thing), "")
        if own and _imported(self.builtins[own]) is thing:  # not a wrapper that took over where it is from
            return own
        for name, point in sorted(self.plugins.items()):
            if _imported(point.value) is thing and name not in self.clashes and self._loads(name):
                return name
        return ""

    def _loads(self, name: str) -> bool:
        return not self.plain or PLAIN.fullmatch(name) is not None

    @cached_property
    def _by_target(self) -> dict[str, str]:
        return {target: name for name, target in self.builtins.items()}

    def check(self, name: str) -> None:
        """Raise MedshiftError if `name` is unknown (near names are suggested) or claimed by two plug-ins."""
        if name in self.builtins:
            return
        if name not in self.plugins:
            raise MedshiftError(f"unknown {self.noun} {name!r}.{near(name, self.names())}")
        if name in self.clashes:
            raise MedshiftError(self.clashes[name])

    def load(self, name: str) -> object:
        """Import the object that `name` stands for.

        Raises:
            MedshiftError: The name is unknown, claimed by two plug-ins or not plain, or its module cannot be imported;
                the message names the distribution.
        """
        self.check(name)
        if name in self.builtins:
            module, _, attribute = self.builtins[name].partition(":")
            return cast("object", getattr(import_module(module), attribute))
        if not self._loads(name):
            who = f"{self.noun} {name!r} of {self.origin(name)}"
            raise MedshiftError(f"{who}: its name must be of lower-case letters, digits and hyphens")
        try:
            with in_time(LONGEST_IMPORT):
                return cast("object", self.plugins[name].load())
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an import runs third-party code, which may raise anything, and even exit
            raise MedshiftError(
                f"{self.noun} {name!r} of {self.origin(name)} cannot be loaded: {in_one_line(error)}. "
                f"Fix or uninstall that package; runs that do not use {name!r} are unaffected."
            ) from error


def target_of(thing: object) -> str:
    """Return `module:attribute` of a function or class as it was defined."""
    return f"{getattr(thing, '__module__', '?')}:{getattr(thing, '__qualname__', '?')}"


def _imported(target: str) -> object:
    """Return what `module:attribute` stands for if the module is imported already."""
    module, _, attribute = target.partition("[")[0].strip().partition(":")
    return getattr(sys.modules.get(module), "__dict__", {}).get(attribute)


def distribution(point: EntryPoint) -> str:
    """Return name and version of the package that declared an entry point."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unnamed distribution"


def own_distribution() -> str:
    """Return `medshift` and its installed version."""
    from importlib.metadata import version

    return f"medshift {version('medshift')}"
