"""The protocols of a study: one, or one per level of the axes that change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...shifts.errors import MedshiftError
from ..datasets.manifest import local_sha256
from ..datasets.streaming.progress import Bar, no_bar
from ..protocols.choices import Choices
from ..protocols.training_sets.confounding import UnreachedStrength
from ..runs import terms
from ..runs.sweeps import planned
from ..runs.sweeps.sweep import ProtocolChoice
from .choosing.choose import protocol_axes
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


def variants(study: Study, choice: ProtocolChoice, out: Path, bar: Bar = no_bar) -> list[Variant]:
    """Make the protocols of a study; those of an axis are to be written into folders below `out`.

    Raises:
        MedshiftError: The data cannot be loaded, or do not suit an axis.
    """
    axes = list(protocol_axes(study))
    if not axes:
        dataset, protocol, table = terms.resolve_terms(choice.data, choice.choices, choice.folder, bar)
        made = planned.Study(choice, protocol, table.drop(columns="row"), local_sha256(dataset, table))
        return [Variant({}, None, made)]
    if len(axes) > 1 or choice.folder is not None:
        what = " and ".join(axis.name for axis in axes)
        raise MedshiftError(
            f"study {study.name!r} makes protocols of its own over {what}: "
            + ("one such axis is possible" if len(axes) > 1 else "leave out --protocol, or `protocol` in its file")
        )
    makers = {"labels": _labels, "confound": _confounded, "size": _sizes}
    return list(makers[axes[0].kind](study, axes[0], choice, out, bar))


def _labels(study: Study, axis: Axis, choice: ProtocolChoice, out: Path, bar: Bar) -> Iterator[Variant]:
    """Yield a protocol per fraction of the source's training groups and seed, which draws the groups."""
    dataset, own_source, whole = _loaded(choice, bar)
    for level in axis.levels:
        for seed in [None] if float(level) == 1 else range(study.seeds):
            made = _made(dataset, own_source, whole, choice, choice.choices, out, seed=seed or 0, fraction=float(level))
            yield Variant({axis.name: level}, seed, made)


def _confounded(study: Study, axis: Axis, choice: ProtocolChoice, out: Path, bar: Bar) -> Iterator[Variant]:
    """Yield a protocol per strength with which a site goes with the label, and seed, which draws the groups.

    Raises:
        MedshiftError: The data have no second site, or not enough images for a strength.
    """
    dataset, own_source, whole = _loaded(choice, bar)
    confounder = axis.confounder or next(iter(whole.targets), "")
    if not confounder:
        raise MedshiftError(
            f"study {study.name!r}: the axis {axis.name!r} needs a second site, which goes with the label in training, "
            f"and {dataset.name!r} has one site: give data of several"
        )
    for level in axis.levels:
        for seed in range(study.seeds):
            choices = replace(choice.choices, confound=float(level), confound_with=confounder)
            try:
                made = _made(dataset, own_source, whole, choice, choices, out, seed=seed)
            except UnreachedStrength as error:
                others = ",".join(str(other) for other in axis.levels if other != level)
                way = f"leave this level out, --levels {axis.name}={others}, or give more images"
                raise MedshiftError(f"{error.told}: {way}") from None
            yield Variant({axis.name: level}, seed, made)


def _sizes(study: Study, axis: Axis, choice: ProtocolChoice, out: Path, bar: Bar) -> Iterator[Variant]:
    """Yield a protocol per size that the images are scaled to."""
    dataset, own_source, whole = _loaded(choice, bar)
    levels = [level for level in axis.levels if int(level) <= max(dataset.spatial)]
    if len(levels) < 2:
        raise MedshiftError(
            f"study {study.name!r}: the images of {dataset.name!r} have {max(dataset.spatial)} px, which leaves fewer "
            "than two sizes: give larger images, with --data DIR --image-size N"
        )
    for level in levels:
        choices = replace(choice.choices, size=int(level))
        yield Variant({axis.name: level}, None, _made(dataset, own_source, whole, choice, choices, out))


def _made(
    dataset: Dataset,
    own_source: str,
    whole: Protocol,
    choice: ProtocolChoice,
    choices: Choices,
    out: Path,
    *,
    seed: int = 0,
    fraction: float = 1.0,
) -> planned.Study:
    """Make a protocol of the study, which runs find in a folder; the sweep writes it before they start."""
    from ..datasets.manifest import ARRANGED, IN_NAME
    from ..protocols.make import make
    from ..protocols.plan import plan

    def match(*_: object) -> dict[str, tuple[float, ...]]:
        return dict(whole.matched)

    # a fraction of labels shows in the name that it is given, any other choice in the name of the plan
    name = (
        whole.name if fraction < 1 else plan(dataset, replace(choices, confound_seed=seed), own_source, match)[0].name
    )
    ((protocol, table),) = make(
        dataset, choices, name, source=own_source, fractions=(fraction,), label_seed=seed, match=match
    )
    default = type(choice.data.options)()
    told = {key: getattr(default, key) for key in (*IN_NAME, *ARRANGED)}  # the protocol says them itself
    data = replace(choice.data, options=replace(choice.data.options, **told))
    placed = replace(choice, data=data, choices=Choices(), folder=out / protocol.name)
    return planned.Study(placed, protocol, table.drop(columns="row"), local_sha256(dataset, table))


def _loaded(choice: ProtocolChoice, bar: Bar) -> tuple[Dataset, str, Protocol]:
    """Load the data; return them, their own source, and the protocol with all labels."""
    from ..severity.matching import plan_protocol

    dataset, own_source = terms.load_chosen(choice.data.arranged(choice.choices), bar)
    with bar("matching severities", "shifts") as progress:
        protocol, _ = plan_protocol(dataset, choice.choices, own_source, progress)
    return dataset, own_source, protocol
