"""The protocols of a study: one, or one per level of the axes that change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...shifts.errors import MedshiftError
from ..runs import terms
from ..runs.sweeps import planned
from ..runs.sweeps.sweep import ProtocolChoice
from .choose import protocol_axes
from .study import Axis, Setting, Study

if TYPE_CHECKING:
    from ..datasets.dataset import Dataset
    from ..protocols.protocol import Protocol


@dataclass(frozen=True)
class Variant:
    """A protocol of a study.

    Args:
        levels: Axis -> level, of the axes that change the protocol.
        seed: The only seed that runs on it; None for all.
        tested: The protocol with its truth, and the options that choose it.
    """

    levels: Mapping[str, Setting]
    seed: int | None
    tested: planned.Study


def variants(study: Study, choice: ProtocolChoice, out: Path, bar: terms.Bar = terms.no_bar) -> list[Variant]:
    """Make the protocols of a study; those of an axis are to be written into folders below `out`.

    Raises:
        MedshiftError: The data cannot be loaded, or do not suit an axis.
    """
    axes = list(protocol_axes(study))
    if not axes:
        _, protocol, table = terms.resolve_terms(choice.data, choice.choices, choice.folder, bar)
        return [Variant({}, None, planned.Study(choice, protocol, table.drop(columns="row")))]
    if len(axes) > 1 or choice.folder is not None:
        what = " and ".join(axis.name for axis in axes)
        raise MedshiftError(
            f"study {study.name!r} makes protocols of its own over {what}: "
            + ("one such axis is possible" if len(axes) > 1 else "leave out `protocol`")
        )
    makers = {"labels": _labels, "confound": _confounded, "image-size": _sizes}
    return list(makers[axes[0].kind](study, axes[0], choice, out, bar))


def _labels(study: Study, axis: Axis, choice: ProtocolChoice, out: Path, bar: terms.Bar) -> Iterator[Variant]:
    """Yield a protocol per fraction of the source's training groups and seed, which draws the groups."""
    from ..protocols.make import make

    dataset, own_source, whole = _loaded(choice, bar)
    for level in axis.levels:
        for seed in [None] if float(level) == 1 else range(study.seeds):
            ((protocol, table),) = make(
                dataset,
                choice.choices,
                whole.name,
                source=own_source,
                fractions=(float(level),),
                label_seed=seed or 0,
                match=lambda *_: dict(whole.matched),
            )
            yield Variant({axis.name: level}, seed, _in_folder(choice, protocol, table, out))


def _confounded(study: Study, axis: Axis, choice: ProtocolChoice, out: Path, bar: terms.Bar) -> Iterator[Variant]:
    """Yield a protocol per strength of the link between label and site in the training set."""
    raise MedshiftError("this version of medshift makes no confounded protocols")


def _sizes(study: Study, axis: Axis, choice: ProtocolChoice, out: Path, bar: terms.Bar) -> Iterator[Variant]:
    """Yield a protocol per side that the images are read at."""
    if choice.data.folder is None:
        raise MedshiftError(
            f"study {study.name!r} reads images at several sizes: give their folder with --data DIR; a stored data set "
            "has one size"
        )
    for level in axis.levels:
        options = replace(choice.data.options, image_size=int(level))
        sized = replace(choice, data=replace(choice.data, options=options))
        _, protocol, table = terms.resolve_terms(sized.data, sized.choices, None, bar)
        yield Variant({axis.name: level}, None, planned.Study(sized, protocol, table.drop(columns="row")))


def _loaded(choice: ProtocolChoice, bar: terms.Bar) -> tuple[Dataset, str, Protocol]:
    """Load the data; return them, their own source, and the protocol with all labels."""
    from ..severity.matching import plan_protocol

    dataset, own_source = terms.load_chosen(choice.data.arranged(choice.choices), bar)
    with bar("matching severities", "shifts") as progress:
        protocol, _ = plan_protocol(dataset, choice.choices, own_source, progress)
    return dataset, own_source, protocol


def _in_folder(choice: ProtocolChoice, protocol: Protocol, table: object, out: Path) -> planned.Study:
    """Return a protocol that runs find in a folder, where the sweep writes it before they start."""
    from ..datasets.manifest import ARRANGED, IN_NAME
    from ..protocols.choices import Choices

    default = type(choice.data.options)()
    told = {name: getattr(default, name) for name in (*IN_NAME, *ARRANGED)}  # the protocol says them itself
    data = replace(choice.data, options=replace(choice.data.options, **told))
    placed = replace(choice, data=data, choices=Choices(), folder=out / protocol.name)
    rows = table.drop(columns="row") if "row" in table else table  # type: ignore[attr-defined, operator]
    return planned.Study(placed, protocol, rows)
