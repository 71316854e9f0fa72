"""One table of names: the built-ins written out, third parties through entry points, each loaded on use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from .errors import MedshiftError, near


@dataclass(frozen=True)
class Table:
    """Names of one kind of thing and where each is to be loaded from.

    Args:
        group: The entry-point group, e.g. `medshift.shifts`.
        noun: What the names stand for in messages, e.g. `shift`.
        builtins: Literal table, name -> `module:attribute` (absolute).
    """

    group: str
    noun: str
    builtins: Mapping[str, str]

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """Third-party names. A name claimed twice raises and names both claimants."""
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            if point.name in self.builtins or (point.name in found and found[point.name].value != point.value):
                rival = "medshift itself" if point.name in self.builtins else distribution(found[point.name])
                raise MedshiftError(
                    f"two {self.noun}s are named {point.name!r}: one from {rival}, one from {distribution(point)}. "
                    "Uninstall one of them or ask its author for another name."
                )
            found[point.name] = point
        return found

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted([*self.builtins, *self.plugins])

    def origin(self, name: str) -> str:
        """The distribution that `name` comes from, with its version: `medshift 0.1.0`."""
        if name in self.builtins:
            return own_distribution()
        self.check(name)
        return distribution(self.plugins[name])

    def check(self, name: str) -> None:
        """Raise MedshiftError with near names when `name` is not in the table."""
        if name not in self.builtins and name not in self.plugins:
            raise MedshiftError(f"unknown {self.noun} {name!r}.{near(name, self.names())}")

    def load(self, name: str) -> object:
        """Import what `name` stands for.

        Raises:
            MedshiftError: The name is unknown, or its module cannot be imported; the message names the distribution.
        """
        self.check(name)
        try:
            if name in self.builtins:
                module, _, attribute = self.builtins[name].partition(":")
                loaded: object = getattr(import_module(module), attribute)
            else:
                loaded = self.plugins[name].load()
        except (ImportError, AttributeError, SyntaxError) as error:
            raise MedshiftError(
                f"{self.noun} {name!r} of {self.origin(name)} cannot be loaded: {error}. "
                f"Mend or uninstall that package; runs without {name!r} are not affected."
            ) from error
        return loaded


def distribution(point: EntryPoint) -> str:
    """Name and version of the package that declared an entry point."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unnamed distribution"


def own_distribution() -> str:
    """`medshift` and its installed version."""
    from importlib.metadata import version

    return f"medshift {version('medshift')}"
