"""A sweep as data: baselines x seeds x protocols x settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ....shifts.errors import MedshiftError
from ...contract.precision import DEFAULT, Precision
from ...protocols.choices import Choices
from ..terms import DataChoice

#: A hyper-parameter, as TOML and Python have it, or as text that is typed after `--set`.
Setting: TypeAlias = "bool | int | float | str"


@dataclass(frozen=True)
class Method:
    """A baseline and the hyper-parameters to try.

    Args:
        baseline: Name in the table, or `my_module:MyBaseline`.
        settings: Hyper-parameter -> the values to try; every combination is run.
    """

    baseline: str
    settings: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)

    def combinations(self) -> Iterator[dict[str, Setting]]:
        """Yield every combination of the values."""
        for values in itertools.product(*self.settings.values()):
            yield dict(zip(self.settings, values, strict=True))


@dataclass(frozen=True)
class ProtocolChoice:
    """What is tested on: data, and the choices of a protocol or the folder of one.

    Args:
        data: The data.
        choices: The choices of a new protocol.
        folder: Folder of an existing protocol, used unchanged instead of choices.
    """

    data: DataChoice = field(default_factory=DataChoice)
    choices: Choices = field(default_factory=Choices)
    folder: Path | None = None


@dataclass(frozen=True)
class Sweep:
    """Many runs: every method with every combination of its settings, on every protocol, with every seed.

    Args:
        methods: The baselines with the settings to try.
        protocols: What is tested on; by default the embedded, simulated data set.
        seeds: Seeds of training.
        tune: Hyper-parameter settings that every run tries on source validation, as `medshift run --tune`.
        submitter: Who answers for the submissions.
        precision: Number format that networks compute in.

    Raises:
        MedshiftError: There is nothing to run, or a seed is negative or listed twice.
    """

    methods: tuple[Method, ...]
    protocols: tuple[ProtocolChoice, ...] = (ProtocolChoice(),)
    seeds: tuple[int, ...] = (0,)
    tune: int = 0
    submitter: str = ""
    precision: Precision = DEFAULT

    def __post_init__(self) -> None:
        """Check what can be checked without data and baselines."""
        for what, values in (("baseline", self.methods), ("protocol", self.protocols), ("seed", self.seeds)):
            if not values:
                raise MedshiftError(f"the sweep has no {what}: give at least one")
        if min(self.seeds) < 0 or self.tune < 0:
            raise MedshiftError("seeds and tune must not be negative")
        if len(set(self.seeds)) < len(self.seeds):
            raise MedshiftError(f"a seed is listed twice: {', '.join(map(str, self.seeds))}")


def typed(settings: Mapping[str, Setting]) -> list[str]:
    """Write settings as they are typed after `--set`: `key=value`."""
    return [f"{key}={value}" for key, value in settings.items()]
