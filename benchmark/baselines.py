"""The table of baselines, and how one is made from its name and `--set` options."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from ..shifts.errors import MedshiftError, near
from ..shifts.plugins import Table
from .sees import SEES

if TYPE_CHECKING:
    from .access import Access, Predictor
    from .sees import Sees

BUILTINS = {
    "adabn": "medshift.baselines.adabn:AdaBN",
    "bn-only": "medshift.baselines.linear_probe:BnOnly",
    "cbr-large-t": "medshift.baselines.cbr:CbrLargeT",
    "cbr-large-w": "medshift.baselines.cbr:CbrLargeW",
    "cbr-small": "medshift.baselines.cbr:CbrSmall",
    "cbr-tiny": "medshift.baselines.cbr:CbrTiny",
    "cbr-tiny-wide": "medshift.baselines.cbr:CbrTinyWide",
    "coral": "medshift.baselines.alignment:Coral",
    "histogram-matching": "medshift.baselines.harmonise:HistogramMatching",
    "imagenet-finetune": "medshift.baselines.imagenet_finetune:ImagenetFinetune",
    "imagenet-transfusion": "medshift.baselines.transfusion:ImagenetTransfusion",
    "lame": "medshift.baselines.lame:Lame",
    "linear-probe": "medshift.baselines.linear_probe:LinearProbe",
    "lp-ft": "medshift.baselines.linear_probe:LpFt",
    "mixup": "medshift.baselines.mixup:Mixup",
    "mmd": "medshift.baselines.alignment:Mmd",
    "scratch": "medshift.baselines.scratch:Scratch",
    "scratch-meanvar": "medshift.baselines.transfusion:ScratchMeanVar",
    "t3a": "medshift.baselines.t3a:T3A",
    "tent": "medshift.baselines.tent:Tent",
}
TABLE = Table("medshift.baselines", "baseline", BUILTINS)


class Baseline(Protocol):
    """A frozen dataclass of hyper-parameters that can fit itself. Its module must not import torch when imported."""

    sees: ClassVar[Sees]
    paper: ClassVar[str]

    def fit(self, access: Access) -> Predictor:
        """Learns once per seed from what it was granted, and returns one model for all conditions."""
        ...


def load(name: str) -> type[Baseline]:
    """Returns the class behind a name.

    Raises:
        MedshiftError: The name is unknown, or what it stands for is no baseline.
    """
    found = TABLE.load(name)
    who = f"baseline {name!r} of {TABLE.origin(name)}"
    if not (isinstance(found, type) and dataclasses.is_dataclass(found) and callable(getattr(found, "fit", None))):
        raise MedshiftError(f"{who} is no dataclass with a method fit(access)")
    if getattr(found, "sees", None) not in SEES:
        raise MedshiftError(f"{who} must declare what it sees: one of {', '.join(SEES)}")
    return cast("type[Baseline]", found)


def make(name: str, settings: Sequence[str]) -> Baseline:
    """Returns a baseline with some hyper-parameters set.

    Args:
        name: In the table.
        settings: `key=value`, as typed after `--set`.

    Raises:
        MedshiftError: An unknown key (near ones offered), or a value of the wrong type or range.
    """
    from pydantic import TypeAdapter, ValidationError

    kind = load(name)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    given: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise MedshiftError(f"--set takes key=value, not {setting!r}")
        if key not in fields:
            raise MedshiftError(f"baseline {name!r} has no hyper-parameter {key!r}.{near(key, fields)}")
        given[key] = value
    try:
        made: Baseline = TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise MedshiftError(f"--set {where}={problem['input']!s}: {problem['msg']}") from None
    except ValueError as error:
        raise MedshiftError(f"baseline {name!r}: {error}") from None
    return made


def config(baseline: Baseline) -> dict[str, bool | int | float | str | None]:
    """Returns all hyper-parameters, as they go into the card."""
    return dataclasses.asdict(baseline)  # type: ignore[call-overload,no-any-return]


def overrides(baseline: Baseline) -> dict[str, bool | int | float | str | None]:
    """Returns the hyper-parameters that differ from the defaults."""
    defaults = {field.name: field.default for field in dataclasses.fields(baseline)}  # type: ignore[arg-type]
    return {key: value for key, value in config(baseline).items() if value != defaults[key]}
