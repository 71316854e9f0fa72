"""From a data set and a few choices to a protocol and its truth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from ..shifts import catalogue
from ..shifts.errors import MedshiftError, near
from . import protocol as protocols
from . import splits, truth
from .dataset import Dataset
from .protocol import DatasetFacts, Protocol

LEVELS = (0.97, 0.94, 0.88, 0.80, 0.70)  # mean structural similarity at matched severities 1..5
STEPS = 100  # steps of a whole severity that matching tells apart: 2.41, not 2.4137


@dataclass(frozen=True)
class Choices:
    """What a user may choose of a protocol; the defaults make the data set's standard one.

    Args:
        source: Domain to train on; the data set's own source, or the largest, by default.
        targets: Domains of the real shifts; all others by default.
        shifts: Names of the synthesized shifts; by default all built-in ones that suit modality and channels.
        families: Keep only shifts of these families.
        severities: Steps 1..5.
        requantise: Round shifted images to the grey levels of the data set's integer type.
        scale: `physical`, or `matched`: severities at which all shifts do the same to structural similarity.
    """

    source: str = ""
    targets: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    severities: tuple[int, ...] = catalogue.SEVERITIES
    requantise: bool = True
    scale: Literal["physical", "matched"] = "physical"


def plan(
    dataset: Dataset,
    choices: Choices,
    source: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Protocol, pd.DataFrame]:
    """Returns the protocol and the truth, in the rows of which a column `row` says where the data set has the sample.

    Args:
        dataset: The data set.
        choices: The user's.
        source: The data set's own source domain, where it has one; its protocol is then named as the data set.
        progress: Called with the number of shifts whose severities are matched, and of all.

    Raises:
        MedshiftError: A domain, shift, family or severity does not exist or does not suit the data.
    """
    trained = choices.source or source or dataset.domains[0]
    others = tuple(sorted(name for name in dataset.domains if name != trained))
    targets = tuple(dict.fromkeys(choices.targets)) or others
    if trained in targets:
        raise MedshiftError(f"domain {trained!r} cannot be both source and target")
    table = dataset.table.assign(row=range(len(dataset.table)))
    table = splits.split(table, trained, targets)
    stored = truth.tidy(table)
    names = shift_names(dataset, choices)
    base = dataset.name if trained == source else f"{dataset.name}-from-{trained}"
    made = Protocol(
        name=safe(base),
        dataset=DatasetFacts(
            name=dataset.name,
            version=dataset.version,
            classes=dataset.classes,
            modality=dataset.modality,
            channels=dataset.channels,
            image_size=dataset.spatial,
            simulated=dataset.simulated,
            licence=dataset.licence,
            citation=dataset.citation,
        ),
        truth_sha256=truth.digest(stored),
        source=trained,
        targets=targets,
        shifts={name: catalogue.entry(name).family for name in names},
        severities=choices.severities,
        grey_levels=dataset.grey_levels if choices.requantise else 0,
    )
    wrong = _unfit(made, stored)
    if wrong:
        raise MedshiftError(f"{dataset.name!r} cannot be tested so: {wrong}")
    full = stored.merge(table[["sample_id", "row"]].astype({"sample_id": str}), on="sample_id")
    if choices.scale == "matched":
        from . import matching  # imports torch

        made = made.model_copy(update={"matched": matching.solve(dataset, full, made, progress)})
    if choices != Choices(source=choices.source):  # another test: it must not share a folder with the standard one
        made = made.model_copy(update={"name": f"{made.name[:100]}-{made.sha256[:8]}"})
    return made, full


def ends(protocol: Protocol) -> list[str]:
    """Returns a line for each shift of a matched protocol that does not reach all levels."""
    lines = []
    wanted = ", ".join(f"{LEVELS[severity - 1]:g}" for severity in protocol.severities)
    for name, fractions in protocol.matched.items():
        which = [text for text, end in (("milder", 1 / STEPS), ("stronger", 5.0)) if end in fractions]
        if which or len(fractions) < len(protocol.severities):
            kept = ", ".join(f"{fraction:g}" for fraction in fractions)
            lines.append(
                f"{name}: not all of SSIM {wanted} lie within severities 0 to 5 (it would have to be "
                f"{' or '.join(which) or 'finer'}); it is tested at {kept}"
            )
    return lines


def shift_names(dataset: Dataset, choices: Choices) -> list[str]:
    """Returns the shifts that the choices name, or else the built-in ones that suit the data.

    Raises:
        MedshiftError: A shift or family does not exist or does not suit the data, or none is left.
    """
    for family in choices.families:
        known = (*catalogue.FAMILIES, "plug-in")
        if family not in known:
            raise MedshiftError(f"unknown family {family!r}.{near(family, known)}")
    wrong = [severity for severity in choices.severities if severity not in catalogue.SEVERITIES]
    if wrong or not choices.severities or len(set(choices.severities)) < len(choices.severities):
        raise MedshiftError(f"severities are some of 1, 2, 3, 4, 5, each once, not {choices.severities}")
    dims = len(dataset.spatial)
    names = list(dict.fromkeys(choices.shifts))
    if not names:
        names = catalogue.for_modality(dataset.modality, dims=dims, channels=dataset.channels)
    for name in names:
        entry = catalogue.entry(name)
        if dims not in entry.dims or not {0, dataset.channels} & set(entry.channels):
            raise MedshiftError(
                f"shift {name!r} does not take {dims}-D images with {dataset.channels} channels, which "
                f"{dataset.name!r} has"
            )
    chosen = [name for name in names if not choices.families or catalogue.entry(name).family in choices.families]
    if not chosen:
        raise MedshiftError(f"no shift is left of families {', '.join(choices.families)}")
    return chosen


def safe(name: str) -> str:
    """Returns a name fit for a folder; one that had to be changed carries a hash of what it was."""
    clean = "".join(c if c.isascii() and (c.isalnum() or c in "._+@-") else "-" for c in name).lstrip("._+@-")[:100]
    return clean if clean == name else f"{clean or 'data'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def settle(protocol: Protocol, table: pd.DataFrame, folder: Path) -> None:
    """Writes protocol and truth into the folder of their submissions, or checks that they are what is there.

    Raises:
        MedshiftError: The folder holds another protocol of that name; the message says in what they differ.
    """
    if not (folder / protocols.PROTOCOL_FILE).exists():
        truth.write(table, folder / protocols.TRUTH_FILE)
        protocols.write(protocol, folder)
        return
    there, _ = settled(folder)
    if there.sha256 != protocol.sha256:
        mine, theirs = (json.loads(p.text()) for p in (protocol, there))
        fields = ", ".join(key for key in mine if mine[key] != theirs[key])
        versions = (there.dataset.version, protocol.dataset.version)
        if versions[0] != versions[1]:
            fields += ": version {} of the data there, {} here".format(*versions)
        raise MedshiftError(f"{folder} holds submissions to another protocol (other {fields}): choose another --out")


def settled(folder: Path) -> tuple[Protocol, pd.DataFrame]:
    """Returns the protocol and the tidy truth that `settle` left in a folder.

    Raises:
        MedshiftError: One of them is missing or damaged, the truth is another than the protocol's, or nothing can be
            scored by it.
    """
    protocol = protocols.read(folder)
    table = truth.read(folder / protocols.TRUTH_FILE)
    if truth.digest(table) != protocol.truth_sha256:
        raise MedshiftError(
            f"{folder / protocols.TRUTH_FILE} is not the truth of {protocols.PROTOCOL_FILE} beside it: its hash differs"
        )
    wrong = _unfit(protocol, table)
    if wrong:
        raise MedshiftError(
            f"{folder / protocols.TRUTH_FILE} does not suit {protocols.PROTOCOL_FILE} beside it: {wrong}"
        )
    return protocol, table


def _unfit(protocol: Protocol, table: pd.DataFrame) -> str:
    """Returns why a truth cannot be scored by a protocol; empty where it can."""
    classes = len(protocol.dataset.classes)
    strange = table["label"][~table["label"].between(0, classes - 1)]
    if len(strange):
        return f"it has the label {strange.iloc[0]}, and labels are 0 to {classes - 1}"
    there = set(table[["domain", "split"]].drop_duplicates().itertuples(index=False, name=None))
    for condition in protocol.conditions():
        if (condition.domain, condition.split) not in there:
            return f"it has no {condition.split} samples of the domain {condition.domain[:80]!r}"
    return ""
